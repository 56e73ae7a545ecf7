namespace PgCluster.Playground.Hosts;

/// <summary>What a set of hosts is to be.</summary>
internal sealed record HostNetworkOptions
{
    /// <summary>Its name; null for one that nobody else has.</summary>
    internal string? Name { get; init; }

    /// <summary>Directory below which sets are; null for pgcluster-hosts in /var/tmp.</summary>
    internal string? BaseDirectory { get; init; }

    /// <summary>True when it is to stay after the process that made it has ended; else the next one that is made takes it away.</summary>
    internal bool OutlivesMaker { get; init; }
}
