namespace PgCluster;

/// <summary>The condition of a node as far as this observer can tell.</summary>
public enum NodeState
{
    /// <summary>Nothing is known.</summary>
    Unknown = 0,

    /// <summary>Accepts connections and, as a standby, streams.</summary>
    Running,

    /// <summary>Starting up or shutting down: refuses connections for now.</summary>
    Starting,

    /// <summary>A standby that accepts connections but does not stream.</summary>
    NotStreaming,

    /// <summary>The server is not running and was shut down cleanly.</summary>
    Stopped,

    /// <summary>The server is not running and was not shut down cleanly.</summary>
    Crashed,

    /// <summary>The node's history has left the cluster's: it cannot follow without repair.</summary>
    NeedsRepair,

    /// <summary>The node's agent does not answer.</summary>
    Unreachable,

    /// <summary>The node's server belongs to another cluster: its agent leaves it alone.</summary>
    Foreign,
}
