using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Engine.Topology;

/// <summary>One node at the moment of a view.</summary>
/// <param name="Node">As people see it.</param>
/// <param name="Postgres">As its agent sees its server; null when the agent does not answer, or is pgsql-cluster-manager's.</param>
public sealed record NodeObservation(ClusterNode Node, PostgresStatus? Postgres)
{
    /// <summary>The node's name.</summary>
    public string Name => Node.Name;

    /// <summary>Host and port of its server as its agent's configuration has them; null when that did not say.</summary>
    public string? Address { get; init; }

    /// <summary>What its agent sees of Pacemaker; null when it does not answer, or Pacemaker is not the manager.</summary>
    public PacemakerReport? Pacemaker { get; init; }

    /// <summary>True when its agent is pgsql-cluster-manager's: what is known of the node is what another agent sees of it in Pacemaker.</summary>
    public bool IsPgcm { get; init; }

    /// <summary>True when its agent answers, whoever's it is.</summary>
    public bool Answers => Postgres is not null || IsPgcm;

    /// <summary>True when its server runs as a primary, as its agent says.</summary>
    public bool IsRunningPrimary => Node is { Role: NodeRole.Primary, State: NodeState.Running };
}
