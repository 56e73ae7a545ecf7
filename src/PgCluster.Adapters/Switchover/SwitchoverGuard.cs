namespace PgCluster.Adapters.Switchover;

/// <summary>What has to hold before a step of a switchover may touch anything.</summary>
public enum SwitchoverGuard
{
    /// <summary>For a transaction on the current database during a run: nobody migrates or executes elsewhere, the state is in_progress.</summary>
    InProgress = 0,

    /// <summary>Stops the world, after <see cref="InProgress"/>: waits for the application's connections, then looks at the state again.</summary>
    StopTheWorld,

    /// <summary>For a session that begins to execute: nobody migrates or executes, the state is not use_next_db.</summary>
    Session,

    /// <summary>As <see cref="Session"/>, but waits until nobody executes.</summary>
    SessionWaiting,
}
