namespace PgCluster.Engine.Switchover;

/// <summary>The switchover's message log: one total order, without gaps, the same for every reader.</summary>
public interface ISwitchoverLog
{
    /// <summary>The place of the newest message; 0 when there is none.</summary>
    Task<long> GetLastPositionAsync(CancellationToken cancellationToken);

    /// <summary>The place of the newest reset; 0 when there is none. What is known of a switchover follows from there on.</summary>
    Task<long> GetLastResetAsync(CancellationToken cancellationToken);

    /// <summary>Appends a message. One that is appended already, by its id, is not appended again, so that a lost answer can be asked for again.</summary>
    Task AppendAsync(SwitchoverMessage message, CancellationToken cancellationToken);

    /// <summary>The messages after a place, in order, at most <see cref="SwitchoverLimits.LogBatch"/> of them.</summary>
    Task<IReadOnlyList<SwitchoverMessage>> ReadAsync(long after, CancellationToken cancellationToken);

    /// <summary>Returns when there may be something new, at the latest after <see cref="SwitchoverLimits.PollInterval"/>.</summary>
    Task WaitAsync(CancellationToken cancellationToken);
}
