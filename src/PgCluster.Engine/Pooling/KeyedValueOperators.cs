using System.Runtime.CompilerServices;

namespace PgCluster.Engine.Pooling;

/// <summary>Filters over a sequence of keyed values; each remembers what it let through, key by key.</summary>
public static class KeyedValueOperators
{
    /// <summary>Drops a value that equals the last one of its key. The first of a key passes whatever it is.</summary>
    public static async IAsyncEnumerable<KeyedValue> WithoutRepeats(
        this IAsyncEnumerable<KeyedValue> source, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Dictionary<string, string?> last = new(StringComparer.Ordinal);
        await foreach (var item in source.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (!last.TryGetValue(item.Key, out var value) || value != item.Value)
            {
                last[item.Key] = item.Value;
                yield return item;
            }
        }
    }

    /// <summary>Drops what is not newer than the last one of its key: a poll that was overtaken by the watch, or the other way round.</summary>
    public static async IAsyncEnumerable<KeyedValue> WithRisingRevisions(
        this IAsyncEnumerable<KeyedValue> source, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Dictionary<string, long> last = new(StringComparer.Ordinal);
        await foreach (var item in source.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (!last.TryGetValue(item.Key, out var revision) || item.Revision > revision)
            {
                last[item.Key] = item.Revision;
                yield return item;
            }
        }
    }

    /// <summary>
    /// What the two keys say together, from when both are known: a proxy that knew only the primary would lead clients back to a database they left.
    /// Under a redirect in force a new primary changes nothing, and nothing is passed on.
    /// </summary>
    /// <param name="source">The values of the primary's key and of the redirect.</param>
    /// <param name="primaryKey">The primary's key.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async IAsyncEnumerable<WantedTarget> AsWantedTargets(
        this IAsyncEnumerable<KeyedValue> source, string primaryKey, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        KeyedValue? primary = null;
        KeyedValue? redirect = null;
        WantedTarget? last = null;
        await foreach (var item in source.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            (primary, redirect) = item.Key == primaryKey ? (item, redirect) : (primary, item);
            if (primary is null || redirect is null)
            {
                continue;
            }

            var wanted = WantedTarget.Decide(primary, redirect);
            if (item.Key == primaryKey && wanted.Target?.Database is not null && last?.Target == wanted.Target)
            {
                continue;
            }

            yield return last = wanted;
        }
    }

    /// <summary>Of several absences in a row, passes the first: each poll sees the same one at a later revision.</summary>
    internal static async IAsyncEnumerable<KeyedValue> WithOneAbsence(
        this IAsyncEnumerable<KeyedValue> source, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        HashSet<string> absent = new(StringComparer.Ordinal);
        await foreach (var item in source.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (item.Value is not null)
            {
                absent.Remove(item.Key);
                yield return item;
            }
            else if (absent.Add(item.Key))
            {
                yield return item;
            }
        }
    }
}
