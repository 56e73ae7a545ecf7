namespace PgCluster;

/// <summary>How clients are held back while the last changes are carried over. In each of them the tables are locked against writes as well.</summary>
public enum SwitchoverStop
{
    /// <summary>The cluster's poolers are paused and afterwards lead to the target: applications notice nothing.</summary>
    Pooler = 0,

    /// <summary>Applications with the gate of PgCluster.Switchover wait at their next checkout and then open connections to the target.</summary>
    Gate,

    /// <summary>Nobody is held back: writers wait for the locks, and after the flip the source refuses writes of every role.</summary>
    ReadOnly,
}
