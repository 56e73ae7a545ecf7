namespace PgCluster.Playground.Pacemaker;

/// <summary>What a Pacemaker cluster on hosts is to be.</summary>
internal sealed record PacemakerHostsOptions
{
    /// <summary>Its name; null for that of the hosts.</summary>
    internal string? Name { get; init; }

    /// <summary>Directory that everything but the hosts' disks is in; null for one below that of the hosts, which goes with them.</summary>
    internal string? Root { get; init; }

    /// <summary>Database hosts, 3 to 9: pg01 is the first primary.</summary>
    internal int Nodes { get; init; } = 3;

    /// <summary>Members of etcd, on the first of them: 1, 3 or 5.</summary>
    internal int EtcdMembers { get; init; } = 3;

    /// <summary>True for an agent beside each PostgreSQL and a proxy beside each PgBouncer; without them every PgBouncer leads to the first primary.</summary>
    internal bool Agents { get; init; }

    /// <summary>The executable <c>pgcluster</c>, or <c>pgcluster.dll</c>; looked for beside this assembly when null.</summary>
    internal string? AgentExecutable { get; init; }

    /// <summary>Options of the configuration, by path.</summary>
    internal IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Size of each host's disk.</summary>
    internal int DiskMegabytes { get; init; } = 1536;
}
