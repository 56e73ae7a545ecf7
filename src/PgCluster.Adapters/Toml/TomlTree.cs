using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>How a table came to be: it decides who may still add to it.</summary>
enum TomlTableKind
{
    /// <summary>Named on the way by a longer header: [a.b] makes a. A header of its own may still come.</summary>
    Implicit,

    /// <summary>Has had its header, or is the root or an element of an array of tables.</summary>
    Header,

    /// <summary>Made by a dotted key: only dotted keys below the same header add values to it.</summary>
    Dotted,
}

/// <summary>What stands under a key while the document is read.</summary>
abstract class TomlNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;

    public abstract ConfigValue Freeze();
}

/// <summary>A finished value, inline tables and plain arrays included: nothing can be added to it.</summary>
sealed class TomlLeaf(ConfigValue value) : TomlNode(value.Position)
{
    public override ConfigValue Freeze() => value;
}

/// <summary>An array of tables: each [[header]] adds one.</summary>
sealed class TomlTableArray(SourcePosition position) : TomlNode(position)
{
    public List<TomlTable> Items { get; } = [];

    public override ConfigValue Freeze() => new ConfigValue.List([.. Items.Select(item => item.Freeze())], Position);
}

/// <summary>A table that may still grow.</summary>
/// <param name="position">Where its header, its brace or the key that made it begins.</param>
/// <param name="kind">How it came to be.</param>
/// <param name="owner">Of a dotted table, the table whose header it was made below.</param>
/// <param name="depth">How many tables and arrays it lies in.</param>
sealed class TomlTable(SourcePosition position, TomlTableKind kind, TomlTable? owner, int depth) : TomlNode(position)
{
    readonly List<TomlKey> _keys = [];
    readonly Dictionary<string, TomlNode> _nodes = new(StringComparer.Ordinal);

    SourcePosition _position = position;

    public TomlTableKind Kind { get; private set; } = kind;

    public TomlTable? Owner { get; } = owner;

    public int Depth { get; } = depth;

    public TomlNode? Find(string name) => _nodes.GetValueOrDefault(name);

    public T Add<T>(TomlKey key, T node)
        where T : TomlNode
    {
        _nodes.Add(key.Name, node);
        _keys.Add(key);
        return node;
    }

    public SourcePosition PositionOf(string name) => _keys.First(key => key.Name == name).Position;

    public void TakeHeader(SourcePosition position)
    {
        Kind = TomlTableKind.Header;
        _position = position;
    }

    public override ConfigValue.Table Freeze() =>
        new([.. _keys.Select(key => new ConfigEntry(key.Name, key.Position, _nodes[key.Name].Freeze()))], _position);
}

/// <summary>One part of a key.</summary>
/// <param name="Name">Unquoted.</param>
/// <param name="Position">Where it begins.</param>
readonly record struct TomlKey(string Name, SourcePosition Position);
