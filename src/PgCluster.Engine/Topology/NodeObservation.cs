using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Topology;

/// <summary>One node at the moment of a view.</summary>
/// <param name="Node">As people see it.</param>
/// <param name="Postgres">As its agent sees its server; null when the agent does not answer.</param>
public sealed record NodeObservation(ClusterNode Node, PostgresStatus? Postgres)
{
    /// <summary>The node's name.</summary>
    public string Name => Node.Name;

    /// <summary>Host and port of its server as its agent's configuration has them; null when that did not say.</summary>
    public string? Address { get; init; }

    /// <summary>True when its agent answers and its server runs as a primary.</summary>
    public bool IsRunningPrimary => Node is { Role: NodeRole.Primary, State: NodeState.Running };
}
