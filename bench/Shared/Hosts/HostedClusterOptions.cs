namespace PgCluster.Bench.Hosts;

/// <summary>What a cluster on hosts is to be.</summary>
internal sealed record HostedClusterOptions
{
    /// <summary>The executable pgcluster; null for the one built with this.</summary>
    public string? Agent { get; init; }

    /// <summary>Seconds until a host starts a program again that ended.</summary>
    public double RestartDelay { get; init; } = 1;

    /// <summary>Size of each host's disk.</summary>
    public int DiskMegabytes { get; init; } = 1536;

    /// <summary>Options of the configuration, for example leader.ttl.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
