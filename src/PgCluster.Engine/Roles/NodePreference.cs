using System.Globalization;

namespace PgCluster.Engine.Roles;

/// <summary>
/// The order in which nodes are taken, for whatever they are taken: to lead, to be waited for, to follow. Most WAL, where that is at stake; then whom commits wait for; weight;
/// the failure domain; what is left to replay; who streams already; the name, so that everybody who knows the same decides the same.
/// </summary>
/// <remarks>
/// The failure domain stands in one of two places. Where a set is chosen, spreading it is what the domain is for, and it goes before weight: <see cref="Spreading"/>. Where one node takes the place of
/// another, another domain is a hint, and weight, which is the administrator's word on where the primary should be, goes before it: <see cref="InPlaceOf"/>. What is left to replay is less
/// than either: within the limits that candidates have to keep it is the noise of the moment.
/// </remarks>
public sealed class NodePreference : IComparer<NodeMerits>
{
    private readonly HashSet<string> _covered;
    private readonly bool _spreads;

    private NodePreference(IEnumerable<string> covered, bool spreads)
    {
        _covered = [.. covered.Where(d => d.Length > 0)];
        _spreads = spreads;
    }

    /// <summary>For one node of a set: a domain that is not covered yet goes before weight.</summary>
    /// <param name="covered">The domains of those that are in the set.</param>
    public static NodePreference Spreading(params IEnumerable<string> covered) => new(covered, true);

    /// <summary>For the one that takes a place: weight goes before another domain than that of the one before it.</summary>
    /// <param name="domain">The failure domain of the one before; null when unknown.</param>
    public static NodePreference InPlaceOf(string? domain) => new(domain is null ? [] : [domain], false);

    /// <summary>True when a node of this domain does not share one that is covered. One without a domain shares none.</summary>
    public bool IsElsewhere(string domain) => !_covered.Contains(domain);

    /// <inheritdoc/>
    public int Compare(NodeMerits x, NodeMerits y) => Compare(Stand(x), Stand(y));

    /// <summary>Merits with what the order would have to find out of them at each comparison.</summary>
    internal Standing Stand(NodeMerits merits) => new(merits, IsElsewhere(merits.FailureDomain));

    /// <summary>The order of two nodes.</summary>
    internal int Compare(Standing x, Standing y) => Decide(x, y, out _);

    /// <summary>What put one node before another, in words.</summary>
    /// <param name="first">The one that was taken.</param>
    /// <param name="second">The one that was not.</param>
    public string Why(NodeMerits first, NodeMerits second)
    {
        _ = Decide(Stand(first), Stand(second), out var by);
        return by switch
        {
            Criterion.Wal => $"{first.Name} has more WAL",
            Criterion.Sync => $"{first.Name} is {first.SyncState} and it is {second.SyncState}",
            Criterion.Domain => $"{first.Name} is in another failure domain than {second.FailureDomain}",
            Criterion.Weight => string.Create(CultureInfo.InvariantCulture, $"{first.Name} has weight {first.Weight} and it has {second.Weight}"),
            Criterion.Lag => $"{first.Name} has less to replay",
            Criterion.Streams => $"{first.Name} streams already",
            _ => $"{first.Name} goes before it by name",
        };
    }

    private int Decide(in Standing one, in Standing other, out Criterion by)
    {
        var (x, y) = (one.Merits, other.Merits);
        by = Criterion.Wal;
        var order = y.Timeline.CompareTo(x.Timeline);
        order = order != 0 ? order : y.Received.CompareTo(x.Received);
        if (order != 0)
        {
            return order;
        }

        by = Criterion.Sync;
        order = Place(x.SyncState).CompareTo(Place(y.SyncState));
        if (order != 0)
        {
            return order;
        }

        by = Criterion.Domain;
        var domain = other.IsElsewhere.CompareTo(one.IsElsewhere);
        if (_spreads && domain != 0)
        {
            return domain;
        }

        by = Criterion.Weight;
        order = y.Weight.CompareTo(x.Weight);
        if (order != 0)
        {
            return order;
        }

        by = Criterion.Domain;
        if (domain != 0)
        {
            return domain;
        }

        by = Criterion.Lag;
        order = (x.LagBytes ?? long.MaxValue).CompareTo(y.LagBytes ?? long.MaxValue);
        if (order != 0)
        {
            return order;
        }

        by = Criterion.Streams;
        order = y.Streams.CompareTo(x.Streams);
        if (order != 0)
        {
            return order;
        }

        by = Criterion.Name;
        return string.CompareOrdinal(x.Name, y.Name);
    }

    private static int Place(SyncState state) => state switch
    {
        SyncState.Sync => 0,
        SyncState.Quorum => 1,
        SyncState.Potential => 2,
        SyncState.Async => 3,
        _ => 4,
    };

    /// <summary>A node's merits, and whether its failure domain is another than those covered.</summary>
    internal readonly record struct Standing(NodeMerits Merits, bool IsElsewhere);

    private enum Criterion
    {
        Wal,
        Sync,
        Domain,
        Weight,
        Lag,
        Streams,
        Name,
    }
}
