using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;

namespace PgCluster.Engine.Synchronous;

/// <summary>A list of synchronous standbys as PostgreSQL is told it. A commit under it is on at least <paramref name="Count"/> of the named standbys.</summary>
/// <param name="Method">ANY or FIRST.</param>
/// <param name="Count">How many a commit waits for; 0 for none.</param>
/// <param name="Standbys">The standbys named.</param>
public sealed record SynchronousList(SynchronousMethod Method, int Count, IReadOnlyList<string> Standbys)
{
    /// <summary>Commits wait for nobody.</summary>
    public static SynchronousList None { get; } = new(SynchronousMethod.Any, 0, []);

    /// <summary>How many of the named may be silent while a commit is acknowledged.</summary>
    public int Slack => Standbys.Count - Count;

    /// <summary>As synchronous_standby_names.</summary>
    public string Text => Count == 0
        ? ""
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{(Method == SynchronousMethod.Any ? "ANY" : "FIRST")} {Count} ({string.Join(", ", Standbys.Select(s => $"\"{s}\""))})");

    /// <summary>As it goes on record.</summary>
    public SynchronousPolicyRecord Of(string primary, int timeline) => new(primary, timeline, Count, Standbys);

    /// <summary>Reads synchronous_standby_names.</summary>
    public static SynchronousList Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var policy = SynchronousPolicyRecord.Parse("", 0, text);
        var method = text.TrimStart().StartsWith("ANY", StringComparison.OrdinalIgnoreCase) ? SynchronousMethod.Any : SynchronousMethod.First;
        return policy.Count == 0 ? None : new SynchronousList(method, policy.Count, policy.Standbys);
    }

    /// <summary>True when commits wait for the same under both.</summary>
    public bool IsSameAs(SynchronousList other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Count == other.Count && Method == other.Method && Standbys.SequenceEqual(other.Standbys, StringComparer.Ordinal);
    }

    /// <summary>True when this node is named.</summary>
    public bool Names(string node) => Standbys.Contains(node, StringComparer.OrdinalIgnoreCase);
}
