using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Health;

/// <summary>One look at one node.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="StartedAt">Timestamp of its beginning, by the clock of who looked.</param>
/// <param name="Latency">How long it took.</param>
/// <param name="Report">What its agent answered; null when it did not.</param>
/// <param name="PostgresAnswers">True when its PostgreSQL answered, asked directly.</param>
/// <param name="Detail">What was found, in words.</param>
public sealed record NodeProbe(string Node, long StartedAt, TimeSpan Latency, NodeReport? Report, bool PostgresAnswers, string Detail)
{
    /// <summary>
    /// True when the node is well: its PostgreSQL answers over the network and, as its agent says, accepts connections. Both, because a postmaster answers
    /// also while its server starts or hangs, and an agent also when nobody else gets through to the server.
    /// </summary>
    public bool Success => PostgresAnswers && (Accepts || IsPgcm);

    /// <summary>True when the agent is pgsql-cluster-manager's: it says nothing of PostgreSQL, which is then taken at its own word.</summary>
    public bool IsPgcm { get; init; }

    /// <summary>True when the agent answers and says that PostgreSQL accepts connections.</summary>
    public bool Accepts => Report?.Postgres.State is NodeState.Running or NodeState.NotStreaming;
}
