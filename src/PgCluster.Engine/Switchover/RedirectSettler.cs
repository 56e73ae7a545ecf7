using Microsoft.Extensions.Logging;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// What the agent of the primary does about a redirect that its client left pending: looks at the pointer in the source database, and
/// <see cref="RedirectDecider"/> says what follows. One turn at a time.
/// </summary>
internal sealed partial class RedirectSettler(IPostgresServer server, IClusterStore store, TimeSpan patience, TimeProvider time, ILogger logger)
{
    // Since when nobody has held the lock, as far as this process has seen, and for which run: an earlier one's time does not count.
    private (Guid Run, long Since)? _unattended;

    /// <summary>One look at the redirect and what follows from it.</summary>
    /// <param name="locked">True while somebody holds the cluster's lock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TurnAsync(bool locked, CancellationToken cancellationToken)
    {
        try
        {
            await SettleAsync(locked, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            // The next turn looks again; what else the agent has to do must not wait for it.
            LogNotSettled(e.Message);
        }
    }

    private async Task SettleAsync(bool locked, CancellationToken cancellationToken)
    {
        var entry = await store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false);
        if (Redirect.FromJson(entry?.Value) is not { State: RedirectState.Pending } redirect)
        {
            _unattended = null;
            return;
        }

        _unattended = locked ? null : _unattended is { } since && since.Run == redirect.RunId ? since : (redirect.RunId, time.GetTimestamp());
        var pointer = await server.ReadPointerAsync(redirect.SourceDatabase, cancellationToken).ConfigureAwait(false);
        switch (RedirectDecider.Decide(redirect, pointer, _unattended is { } began ? time.GetElapsedTime(began.Since) : TimeSpan.Zero, patience))
        {
            case RedirectAction.Activate:
                LogActivated(redirect.RunId, redirect.ToString(), await RedirectRecord.ActivateAsync(store, redirect, cancellationToken).ConfigureAwait(false));
                break;
            case RedirectAction.Withdraw:
                if (await RedirectRecord.RemoveAsync(store, redirect.RunId, RedirectState.Pending, cancellationToken).ConfigureAwait(false))
                {
                    LogWithdrawn(redirect.RunId, redirect.ToString());
                }

                break;
        }
    }

    [LoggerMessage(2200, LogLevel.Warning, "Clients led to {Target} at revision {Revision}: {Run} has moved them and nobody had said so")]
    private partial void LogActivated(Guid run, string target, long revision);

    [LoggerMessage(2202, LogLevel.Warning, "Where clients are to go could not be settled: {Error}")]
    private partial void LogNotSettled(string error);

    [LoggerMessage(2201, LogLevel.Warning, "Announcement of {Target} withdrawn: {Run} did not move the clients and nobody works on it")]
    private partial void LogWithdrawn(Guid run, string target);
}
