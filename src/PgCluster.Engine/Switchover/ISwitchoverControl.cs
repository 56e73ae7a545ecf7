namespace PgCluster.Engine.Switchover;

/// <summary>The row that says which database is in charge, for an operator.</summary>
public interface ISwitchoverControl
{
    /// <summary>What the current database says of itself.</summary>
    Task<SwitchoverPointer> ReadPointerAsync(CancellationToken cancellationToken);

    /// <summary>Waits until no run holds the executor's lock, then takes "in progress" back to idle.</summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.StaleDatabase"/>: the database is not in charge any more; <see cref="Reason.LockHeld"/>: a migration runs;
    /// <see cref="Reason.BlockedBySessions"/>: somebody executes still.
    /// </exception>
    Task EndRunAsync(CancellationToken cancellationToken);
}
