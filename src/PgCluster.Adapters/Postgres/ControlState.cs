namespace PgCluster.Adapters.Postgres;

/// <summary>PostgreSQL's DBState, with its numbers.</summary>
internal enum ControlState
{
    /// <summary>Before the first recovery was decided on.</summary>
    Startup = 0,

    /// <summary>Shut down cleanly as a primary.</summary>
    ShutDown = 1,

    /// <summary>Shut down cleanly as a standby.</summary>
    ShutDownInRecovery = 2,

    /// <summary>Was shutting down.</summary>
    ShuttingDown = 3,

    /// <summary>Was recovering from a crash.</summary>
    InCrashRecovery = 4,

    /// <summary>Was a standby, or restoring.</summary>
    InArchiveRecovery = 5,

    /// <summary>Was a primary.</summary>
    InProduction = 6,
}
