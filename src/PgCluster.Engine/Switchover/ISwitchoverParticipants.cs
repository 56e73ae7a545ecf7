namespace PgCluster.Engine.Switchover;

/// <summary>The nodes of the application and this run among them, which agree through the message log.</summary>
public interface ISwitchoverParticipants : IAsyncDisposable
{
    /// <summary>Cancelled when the nodes have called it off: one appeared or restarted, one reported an error, an operator said cancel.</summary>
    CancellationToken CalledOff { get; }

    /// <summary>Why, once <see cref="CalledOff"/> is cancelled; null before.</summary>
    string? CalledOffBecause { get; }

    /// <summary>Gathers the nodes, becomes the leader and begins.</summary>
    Task<string> BeginAsync(CancellationToken cancellationToken);

    /// <summary>Says how far the run is, to whoever asks; at most once a second.</summary>
    void Report(string status, SwitchoverProgress? progress);

    /// <summary>Every node pauses its application; returns when all have.</summary>
    Task<string> PauseAsync(CancellationToken cancellationToken);

    /// <summary>Tells every node that it is over and the pointer flipped.</summary>
    Task<string> FinishAsync(CancellationToken cancellationToken);

    /// <summary>Tells every node that it is off: paused applications go on.</summary>
    /// <param name="why">For the log.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task<string> CancelAsync(string why, CancellationToken cancellationToken);
}
