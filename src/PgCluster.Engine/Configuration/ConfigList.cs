using System.Collections;
using System.Runtime.CompilerServices;

namespace PgCluster.Engine.Configuration;

/// <summary>A list that does not change and is equal to another with equal items: what records need to compare by value.</summary>
/// <typeparam name="T">What it holds.</typeparam>
[CollectionBuilder(typeof(ConfigList), nameof(ConfigList.Create))]
public sealed class ConfigList<T> : IReadOnlyList<T>, IEquatable<ConfigList<T>>
{
    readonly T[] _items;

    internal ConfigList(ReadOnlySpan<T> items) => _items = items.ToArray();

    /// <inheritdoc />
    public int Count => _items.Length;

    /// <inheritdoc />
    public T this[int index] => _items[index];

    /// <inheritdoc />
    public bool Equals(ConfigList<T>? other) => other is not null && _items.AsSpan().SequenceEqual(other._items);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as ConfigList<T>);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var item in _items)
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc />
    public override string ToString() => $"[{string.Join(", ", _items)}]";

    /// <inheritdoc />
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Makes lists, also from collection expressions.</summary>
public static class ConfigList
{
    /// <summary>A list with these items.</summary>
    /// <param name="items">Copied.</param>
    public static ConfigList<T> Create<T>(ReadOnlySpan<T> items) => new(items);
}
