namespace PgCluster;

/// <summary>Who has a vote on the nodes' health, how many are needed, and who is missing.</summary>
public sealed record QuorumStatus
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>How votes are counted (health.quorum).</summary>
    public QuorumRule Rule { get; init; }

    /// <summary>True when enough voters speak at present to call any node healthy.</summary>
    public bool HasQuorum { get; init; }

    /// <summary>How many votes make a node healthy.</summary>
    public int Needed { get; init; }

    /// <summary>Names of those who have a vote.</summary>
    public IReadOnlyList<string> Voters { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Names of those of them that speak at present.</summary>
    public IReadOnlyList<string> Present { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Names of voters and of the configuration's agents that do not speak at present.</summary>
    public IReadOnlyList<string> Missing { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Each of them in detail.</summary>
    public IReadOnlyList<QuorumVoter> Observers { get; init => field = Indexable.Of(value); } = [];
}
