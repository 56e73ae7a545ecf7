using PgCluster.Engine.Configuration;

namespace PgCluster.Playground;

/// <summary>What a new playground is to be.</summary>
public sealed record PlaygroundOptions
{
    /// <summary>Its name, and its cluster's: a letter, then letters, digits, hyphens or underscores, at most 32 in all.</summary>
    public string Name { get; init; } = "playground";

    /// <summary>PostgreSQL servers, 1 to 9: pg01 is the first primary.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Members of etcd: 1, 3 or 5.</summary>
    public int EtcdMembers { get; init; } = 1;

    /// <summary>True when every commit waits for one standby.</summary>
    public bool Synchronous { get; init; } = true;

    /// <summary>Options of its configuration, by path, for example leader.ttl: what they are otherwise is the product's default.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The executable <c>pgcluster</c>, or <c>pgcluster.dll</c>; looked for beside this assembly when null.</summary>
    public string? AgentExecutable { get; init; }

    /// <summary>How long it may take until everything answers.</summary>
    public TimeSpan ReadyTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, <see cref="Reason.InvalidConfiguration"/>.</exception>
    internal void Validate()
    {
        PlaygroundName.Validate(Name);
        if (Nodes is < 1 or > 9)
        {
            throw Invalid(nameof(Nodes), $"A playground has 1 to 9 nodes, not {Nodes}.");
        }

        if (EtcdMembers is not (1 or 3 or 5))
        {
            throw Invalid(nameof(EtcdMembers), $"A playground has 1, 3 or 5 members of etcd, not {EtcdMembers}: an even number survives no more failures than one less.");
        }

        if (ReadyTimeout <= TimeSpan.Zero)
        {
            throw Invalid(nameof(ReadyTimeout), "The time until a playground is ready has to be more than 0.");
        }

        PlaygroundFiles.With(Settings, new ClusterConfig { Name = Name });
    }

    private static PgClusterException Invalid(string option, string message) => new(Reason.InvalidArgument, message) { Target = option };
}
