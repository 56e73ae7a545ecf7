using PgCluster.Engine.Configuration;

namespace PgCluster.Playground;

/// <summary>What a new playground is to be.</summary>
public sealed record PlaygroundOptions
{
    /// <summary>Its name, and its cluster's: a letter, then letters, digits, hyphens or underscores, at most 32 in all.</summary>
    public string Name { get; init; } = "playground";

    /// <summary>What holds the cluster together. With Pacemaker each server has a host of its own, made of namespaces, which only root can do; one such playground at a time.</summary>
    public ClusterManager Manager { get; init; }

    /// <summary>PostgreSQL servers, 1 to 9, with Pacemaker at least 3: pg01 is the first primary.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Members of etcd: 1, 3 or 5; 1 when null, with Pacemaker 3, which run on the first hosts.</summary>
    public int? EtcdMembers { get; init; }

    /// <summary>True when every commit waits for one standby; with Pacemaker always.</summary>
    public bool Synchronous { get; init; } = true;

    /// <summary>Options of its configuration, by path, for example leader.ttl: what they are otherwise is the product's default.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The executable <c>pgcluster</c>, or <c>pgcluster.dll</c>; looked for beside this assembly when null.</summary>
    public string? AgentExecutable { get; init; }

    /// <summary>How long it may take until everything answers; a minute when null, with Pacemaker four.</summary>
    public TimeSpan? ReadyTimeout { get; init; }

    /// <summary>What <see cref="EtcdMembers"/> comes to.</summary>
    public int EtcdMemberCount => EtcdMembers ?? (Manager == ClusterManager.Pacemaker ? 3 : 1);

    internal TimeSpan Budget => ReadyTimeout ?? TimeSpan.FromMinutes(Manager == ClusterManager.Pacemaker ? 4 : 1);

    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, <see cref="Reason.InvalidConfiguration"/>.</exception>
    internal void Validate()
    {
        PlaygroundName.Validate(Name);
        if (Nodes is < 1 or > 9)
        {
            throw Invalid(nameof(Nodes), $"A playground has 1 to 9 nodes, not {Nodes}.");
        }

        if (EtcdMemberCount is not (1 or 3 or 5))
        {
            throw Invalid(nameof(EtcdMembers), $"A playground has 1, 3 or 5 members of etcd, not {EtcdMembers}: an even number survives no more failures than one less.");
        }

        if (Manager == ClusterManager.Pacemaker)
        {
            ValidateForPacemaker();
        }

        if (ReadyTimeout <= TimeSpan.Zero)
        {
            throw Invalid(nameof(ReadyTimeout), "The time until a playground is ready has to be more than 0.");
        }

        if (PlaygroundFiles.With(Settings, new ClusterConfig { Name = Name, Manager = Manager }).Manager != Manager)
        {
            throw Invalid(nameof(Settings), "What holds the cluster together is chosen when the playground is made (Manager), not by the option cluster.manager.");
        }
    }

    private void ValidateForPacemaker()
    {
        if (Nodes < 3)
        {
            throw Invalid(nameof(Nodes), $"With Pacemaker a playground has 3 to 9 nodes, not {Nodes}: fewer have no quorum without one of them.");
        }

        if (EtcdMemberCount > Nodes)
        {
            throw Invalid(nameof(EtcdMembers), $"With Pacemaker the members of etcd run on the hosts of the servers: {EtcdMemberCount} of them do not fit on {Nodes} nodes.");
        }

        if (!Synchronous)
        {
            throw Invalid(nameof(Synchronous), "With Pacemaker every commit waits for a standby: its resource agent promotes only one that has all of them.");
        }
    }

    private static PgClusterException Invalid(string option, string message) => new(Reason.InvalidArgument, message) { Target = option };
}
