namespace PgCluster;

/// <summary>One PgBouncer of a cluster and what the process that keeps it says.</summary>
public sealed record PoolerInfo
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The pooler's name.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address its clients connect to.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port its clients connect to.</summary>
    public required int Port { get; init; }

    /// <summary>The PostgreSQL node it stands beside; null for an application host's pooler.</summary>
    public string? Node { get; init; }

    /// <summary>host:port of the process that keeps its pauses.</summary>
    public string Keeper { get; init; } = "";

    /// <summary>True when its keeper is pgsql-cluster-manager's agent: that pauses and resumes it, and says nothing of it. <see cref="State"/> is Active then, for lack of a word.</summary>
    public bool IsPgcm { get; init; }

    /// <summary>Whether clients are served.</summary>
    public PoolerState State { get; init; }

    /// <summary>host:port its databases point to; several are joined by commas; null when unknown.</summary>
    public string? PointsTo { get; init; }

    /// <summary>The databases it serves.</summary>
    public IReadOnlyList<string> Databases { get; init => field = Indexable.Of(value); } = [];

    /// <summary>session, transaction or statement; several are joined by commas; null when unknown.</summary>
    public string? PoolMode { get; init; }

    /// <summary>Clients connected.</summary>
    public int Clients { get; init; }

    /// <summary>Clients that wait for a server.</summary>
    public int ClientsWaiting { get; init; }

    /// <summary>The pause it is under; null when none of ours.</summary>
    public PauseLease? Lease { get; init; }

    /// <summary>Its last pause of ours, the present one included; null when its keeper has made none.</summary>
    public PoolerPause? LastPause { get; init; }

    /// <summary>Its own settings; null when unknown.</summary>
    public PoolerSettings? Settings { get; init; }

    /// <summary>PgBouncer's version; null when unknown.</summary>
    public string? Version { get; init; }

    /// <summary>What the state was concluded from, in words.</summary>
    public string Evidence { get; init; } = "";
}
