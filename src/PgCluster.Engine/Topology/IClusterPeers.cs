using PgCluster.Engine.Daemons;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Pooling;

namespace PgCluster.Engine.Topology;

/// <summary>Reaches the agents and keepers of a cluster.</summary>
public interface IClusterPeers
{
    /// <summary>The agent of a node of the configuration.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>.</exception>
    INodeAgent Node(string name);

    /// <summary>What the agent of a node of the configuration does with Pacemaker.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>.</exception>
    IPacemakerAgent Pacemaker(string name);

    /// <summary>The keeper of a pooler.</summary>
    /// <param name="name">The pooler's name.</param>
    /// <param name="keeper">host:port of the process that keeps it.</param>
    IPoolerKeeper Pooler(string name, string keeper);

    /// <summary>Whoever knows the daemons of a machine: an agent, or a proxy that can be asked.</summary>
    /// <param name="keeper">host:port of that process.</param>
    IDaemonKeeper Daemons(string keeper);

    /// <summary>Whether a PostgreSQL answers there, asked directly and without its agent; true also when it refuses the login.</summary>
    Task<bool> PostgresAnswersAsync(string host, int port, CancellationToken cancellationToken);
}
