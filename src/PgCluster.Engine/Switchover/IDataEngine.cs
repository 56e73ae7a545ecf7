namespace PgCluster.Engine.Switchover;

/// <summary>
/// Carries the rows of one run from its source to its target: everything once, then whatever changes. Each call returns what a report says of it.
/// Calls come in the order they stand here, one at a time; each may be repeated after an interruption. Sequences are not its business.
/// Errors are <see cref="PgClusterException"/>.
/// </summary>
public interface IDataEngine : IAsyncDisposable
{
    /// <summary>From its return on every change of a row on the source is kept for the target. Clients are not held back.</summary>
    Task<string> TrackAsync(CancellationToken cancellationToken);

    /// <summary>Copies every table; one that an interrupted run had copied is not copied again.</summary>
    /// <param name="progress">Is told about once a second.</param>
    /// <param name="cancellationToken">Stops it; what was copied stays.</param>
    Task<string> CopyAsync(IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken);

    /// <summary>Returns when the target lacks less than the options allow.</summary>
    Task<string> CatchUpAsync(CancellationToken cancellationToken);

    /// <summary>What the target lacks now: bytes of WAL, or rows of the change log.</summary>
    Task<long> GetLagAsync(CancellationToken cancellationToken);

    /// <summary>While nobody can write on the source: returns when the target has every committed change. May be called more than once.</summary>
    Task<string> DrainAsync(CancellationToken cancellationToken);

    /// <summary>
    /// After <see cref="DrainAsync"/>, still before the flip: ends the flow to the target, and from its return on every change on the target is kept for
    /// the source, so that there is a way back.
    /// </summary>
    Task<string> TurnAsync(CancellationToken cancellationToken);

    /// <summary>Undo of <see cref="TurnAsync"/>: changes flow to the target again, and nothing is kept for the source.</summary>
    Task<string> TurnBackAsync(CancellationToken cancellationToken);

    /// <summary>After the flip: removes what the flow to the target left behind, and lets the kept changes flow back to the source, when that is wanted.</summary>
    Task<string> FlowBackAsync(CancellationToken cancellationToken);

    /// <summary>Before the flip: removes everything it made on both sides but the rows of the target. Can be repeated, also by a run that did not make it.</summary>
    Task<string> AbandonAsync(CancellationToken cancellationToken);
}
