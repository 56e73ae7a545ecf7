namespace PgCluster.Engine.Nodes;

/// <summary>What an agent has seen of its node last, for those who ask over HTTP.</summary>
public interface INodeWatch
{
    /// <summary>The server as last probed; null before the first probe.</summary>
    PostgresStatus? LastStatus { get; }

    /// <summary>True while this node is out of service, as last read: nobody is to read from it.</summary>
    bool IsSuspended { get; }

    /// <summary>True while the store answers: the node's lease is alive.</summary>
    bool StoreReachable { get; }

    /// <summary>A look at the server as a report of this node.</summary>
    NodeReport Describe(PostgresStatus status);
}
