namespace PgCluster;

/// <summary>Whether a node is well, in the eyes of one observer or of the quorum.</summary>
public enum HealthState
{
    /// <summary>Nobody can say: not looked at yet, or too few observers speak at present.</summary>
    Unknown = 0,

    /// <summary>Its agent and its PostgreSQL answer, and PostgreSQL accepts connections.</summary>
    Healthy,

    /// <summary>It was looked at and is not well.</summary>
    Unhealthy,
}
