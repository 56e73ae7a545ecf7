namespace PgCluster.Adapters.Postgres;

/// <content>What keeps connections from being refused in the moment after the postmaster's death.</content>
public sealed partial class LocalPostgresServer
{
    // A start lets go under it: what is taken meanwhile is of a postmaster that runs, and so not in the way of a new one.
    private readonly Lock _holding = new();
    private ListenerHold? _hold;
    private bool _saidNotHeld;

    /// <inheritdoc/>
    public IDisposable HoldListeners()
    {
        lock (_holding)
        {
            LetGoOfListeners();
            return _hold = ListenerHold.Take(FindPostmaster(), DataDirectoryProcesses.RealPath(_options.DataDirectory), SayNotHeld);
        }
    }

    private void SayNotHeld(string why)
    {
        if (!Interlocked.Exchange(ref _saidNotHeld, true))
        {
            PostgresLog.NotHeld(_logger, _options.NodeName, why);
        }
    }

    private void LetGoOfListeners()
    {
        lock (_holding)
        {
            _hold?.Dispose();
        }
    }
}
