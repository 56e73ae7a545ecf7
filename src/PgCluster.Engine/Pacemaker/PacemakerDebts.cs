using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Keeps Pacemaker as the store says: in maintenance mode while the cluster is suspended, no node in standby that is back in service, no constraint of a failover that does not run. Every agent does this, and what an
/// administrator has set without us is left alone.
/// </summary>
internal sealed class PacemakerDebts(PacemakerContext node)
{
    /// <summary>Held by the agent that takes something back.</summary>
    private const string Lock = "/pacemaker_debts/";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>One look at what is asked for and what is owed.</summary>
    /// <param name="look">What Pacemaker says.</param>
    /// <param name="isSuspended">Whether the cluster is suspended.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TurnAsync(PacemakerLook look, bool isSuspended, CancellationToken cancellationToken)
    {
        if (look.Roles is null)
        {
            return;
        }

        // Looked at again: the first look may be older than maintenance that somebody else began, and than the suspension.
        if (isSuspended && !look.Report.InMaintenance && await node.LookAsync(cancellationToken).ConfigureAwait(false) is { Roles: not null, Report.InMaintenance: false })
        {
            await DoAsync(new PacemakerDebt(PacemakerDebtKind.Maintenance, "", StoreKeys.Suspended, 0), cancellationToken).ConfigureAwait(false);
        }

        if ((await DueAsync(cancellationToken).ConfigureAwait(false)).Count > 0)
        {
            await TakeBackDueAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Changes something in Pacemaker, and writes down before that it has to be taken back.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.LockLost"/>: the key that it was to be done for is gone; nothing was done.</exception>
    public async Task DoAsync(PacemakerDebt debt, CancellationToken cancellationToken)
    {
        var entry = await node.Store.GetAsync(debt.While, cancellationToken).ConfigureAwait(false);
        var commit = entry is null || (debt.Revision != 0 && entry.CreateRevision != debt.Revision)
            ? new StoreCommit(false, 0)
            : await node.Store.CommitAsync(
                [new StoreCondition.CreateRevisionIs(debt.While, entry.CreateRevision)], [new StoreOperation.Put(debt.Key, debt.ToJson())], cancellationToken).ConfigureAwait(false);
        if (!commit.Succeeded)
        {
            throw new PgClusterException(Reason.LockLost, $"{debt.While}, for which Pacemaker was to be changed, is gone") { Target = node.Self.Name };
        }

        await SetAsync(debt, true, cancellationToken).ConfigureAwait(false);
        PacemakerLog.Mirrored(node.Logger, debt.Kind, debt.Target, debt.While);
    }

    /// <summary>Takes something back, and strikes it out after that.</summary>
    public async Task TakeBackAsync(PacemakerDebt debt, CancellationToken cancellationToken)
    {
        await SetAsync(debt, false, cancellationToken).ConfigureAwait(false);
        await node.Store.DeleteAsync(debt.Key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One agent at a time, by a list read after the others were done: one that came late would take back what an administrator has set since.</summary>
    private async Task TakeBackDueAsync(CancellationToken cancellationToken)
    {
        if (await node.Store.GetLockAsync(Lock, cancellationToken).ConfigureAwait(false) is not null)
        {
            return;
        }

        IStoreLock held;
        try
        {
            held = await node.Store.AcquireLockAsync(Lock, new LockHolder(node.Self.Name, "what is owed to Pacemaker"), node.Config.Agent.StateTtl, Patience, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason == Reason.LockHeld)
        {
            // Another one is at it, and the next look sees what is left.
            return;
        }

        await using (held.ConfigureAwait(false))
        {
            foreach (var debt in await DueAsync(cancellationToken).ConfigureAwait(false))
            {
                await TakeBackAsync(debt, cancellationToken).ConfigureAwait(false);
                PacemakerLog.TakenBack(node.Logger, debt.Kind, debt.Target, debt.While);
            }
        }
    }

    private async Task<IReadOnlyList<PacemakerDebt>> DueAsync(CancellationToken cancellationToken)
    {
        var due = new List<PacemakerDebt>();
        foreach (var entry in (await node.Store.ListAsync(PacemakerDebt.Prefix, cancellationToken).ConfigureAwait(false)).Entries)
        {
            if (PacemakerDebt.FromJson(entry.Value) is { } debt && await IsDueAsync(debt, cancellationToken).ConfigureAwait(false))
            {
                due.Add(debt);
            }
        }

        return due;
    }

    private async Task<bool> IsDueAsync(PacemakerDebt debt, CancellationToken cancellationToken)
    {
        var entry = await node.Store.GetAsync(debt.While, cancellationToken).ConfigureAwait(false);
        return entry is null || (debt.Revision != 0 && entry.CreateRevision != debt.Revision);
    }

    private Task SetAsync(PacemakerDebt debt, bool on, CancellationToken cancellationToken) => debt.Kind switch
    {
        PacemakerDebtKind.Maintenance => node.Pacemaker.SetMaintenanceAsync(on, cancellationToken),
        PacemakerDebtKind.Standby => node.Pacemaker.SetStandbyAsync(debt.Target, on, cancellationToken),
        _ when on => Task.CompletedTask,
        _ => node.Pacemaker.ClearAsync(debt.Target, cancellationToken),
    };
}
