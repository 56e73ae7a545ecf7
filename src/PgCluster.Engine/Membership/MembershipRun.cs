using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>One run of a plan: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class MembershipRun : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly IClusterStore _store;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly string _name;
    private readonly MemberRecord _record;
    private readonly LockHolder _holder;
    private readonly string _key;
    private IStoreLock? _lock;
    private StoreEntry? _before;
    private long _written;

    public MembershipRun(IClusterStore store, ClusterConfig config, TimeProvider time, OperationPlan plan, string name, MemberRecord record, string actor)
    {
        _store = store;
        _config = config;
        _time = time;
        _plan = plan;
        _name = name;
        _record = record;
        _holder = new LockHolder(actor, $"{plan.Kind} {name}");
        _key = StoreKeys.Members + name;
    }

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        MembershipSteps.Lock => new OperationStep(step, LockAsync) { FinallyAsync = UnlockAsync },
        MembershipSteps.Member => new OperationStep(step, JoinAsync) { UndoAsync = TakeBackAsync },
        MembershipSteps.Set => new OperationStep(step, SetAsync) { UndoAsync = TakeBackAsync },
        MembershipSteps.Synchronous => new OperationStep(step, UnwaitedAsync),
        MembershipSteps.Agents => new OperationStep(step, ct => AgentsAsync(step, ct)),
        MembershipSteps.Stream => new OperationStep(step, ct => StreamAsync(step, ct)),
        MembershipSteps.Policy => new OperationStep(step, LeavePolicyAsync) { UndoAsync = TakeBackAsync },
        MembershipSteps.Remove => new OperationStep(step, LeaveAsync),
        MembershipSteps.Stop => new OperationStep(step, ct => StopAsync(step, ct)),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    public async ValueTask DisposeAsync()
    {
        if (_lock is { } held)
        {
            await held.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<string> LockAsync(CancellationToken cancellationToken)
    {
        _lock = await _store.AcquireLockAsync(
            new StoreKeys(_config.Etcd.PrimaryKey).Lock, _holder, _config.Failover.LockTtl, _config.Failover.LockTimeout, cancellationToken).ConfigureAwait(false);
        await RefuseStaleAsync(cancellationToken).ConfigureAwait(false);
        return $"holds {_lock.Key}";
    }

    private async Task<string> UnlockAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync().ConfigureAwait(false);
        _lock = null;
        return "given back";
    }

    /// <summary>Under the lock for the moment of the write only: a copy may take hours, and whoever has to fail over meanwhile must be able to.</summary>
    private async Task<string> JoinAsync(CancellationToken cancellationToken)
    {
        await LockAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteAsync(_record, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await UnlockAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return string.Create(CultureInfo.InvariantCulture, $"a member since revision {_written}");
    }

    /// <summary>Only what was asked for: what else stands there about the node stays.</summary>
    private async Task<string> SetAsync(CancellationToken cancellationToken)
    {
        await LockAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await WriteAsync(NodeSettings.Change(await ReadAsync(cancellationToken).ConfigureAwait(false), _record), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await UnlockAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return string.Create(CultureInfo.InvariantCulture, $"so since revision {_written}");
    }

    private async Task<string> AgentsAsync(PlanStep step, CancellationToken cancellationToken)
    {
        // An agent that is down reads the members when it starts.
        var speaking = (await ReportsAsync(cancellationToken).ConfigureAwait(false)).Select(r => r.Name).Intersect(step.Node.Split(','), StringComparer.Ordinal).ToArray();
        await UntilAsync(
            step,
            reports => speaking.Except(reports.Where(r => r.MembersRevision >= _written).Select(r => r.Name), StringComparer.Ordinal).ToArray() is { Length: > 0 } missing
                ? $"{string.Join(", ", missing)} do not work with the new nodes yet"
                : null,
            cancellationToken).ConfigureAwait(false);
        return $"{string.Join(", ", speaking)} work with the new nodes";
    }

    private async Task<string> StreamAsync(PlanStep step, CancellationToken cancellationToken)
    {
        await UntilAsync(
            step,
            reports =>
            {
                if (reports.FirstOrDefault(r => r.Name == _name) is not { } own)
                {
                    return $"its agent has not reported: start pgcluster supervise --node {_name} there";
                }

                if (own.Postgres is { State: NodeState.Foreign } or { Data: DataDirectoryState.Other })
                {
                    throw new PgClusterException(Reason.ForeignServer, own.Postgres.Evidence) { Target = _name };
                }

                var streams = own.Postgres is { State: NodeState.Running, Role: NodeRole.Standby }
                    && reports.Any(r => r.Postgres is { State: NodeState.Running, Role: NodeRole.Primary } primary && primary.Standbys.Any(s => s.Name == _name && s.State == "streaming"));
                return streams ? null : own.Postgres.Evidence;
            },
            cancellationToken).ConfigureAwait(false);
        return $"{_name} streams";
    }

    private async Task<string> LeavePolicyAsync(CancellationToken cancellationToken)
    {
        // Whoever may not lead is not waited for: the leader's agent lets others take its place before it takes this one off the list.
        var now = await ReadAsync(cancellationToken).ConfigureAwait(false);
        await WriteAsync(now with { NoFailover = true, By = _holder.Name }, cancellationToken).ConfigureAwait(false);
        return await UnwaitedAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> UnwaitedAsync(CancellationToken cancellationToken)
    {
        while (SynchronousPolicyRecord.FromJson((await _store.GetAsync(StoreKeys.Synchronous, cancellationToken).ConfigureAwait(false))?.Value) is { } policy
            && policy.InForce.Any(p => p.Standbys.Contains(_name, StringComparer.OrdinalIgnoreCase)))
        {
            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }

        return $"no commit waits for {_name}";
    }

    private async Task<string> LeaveAsync(CancellationToken cancellationToken)
    {
        var before = _before;
        var now = await ReadAsync(cancellationToken).ConfigureAwait(false);
        if ((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false)) is { } leader && Leadership.LeaderRecord.FromJson(leader.Value)?.Node == _name)
        {
            throw new PgClusterException(Reason.PlanStale, $"{_name} has taken the lead meanwhile") { Target = _name };
        }

        await WriteAsync(now with { NoFailover = MemberRecord.FromJson(before?.Value)?.NoFailover, Removed = true, StopServer = _record.StopServer, By = _holder.Name }, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"no member since revision {_written}");
    }

    private async Task<string> StopAsync(PlanStep step, CancellationToken cancellationToken)
    {
        await UntilAsync(
            step,
            reports => reports.FirstOrDefault(r => r.Postgres is { State: NodeState.Running, Role: NodeRole.Primary }) is not { } primary ? "no primary reports"
                : primary.Postgres.Standbys.Any(s => s.Name == _name) ? $"{_name} streams still"
                : null,
            cancellationToken).ConfigureAwait(false);
        return $"{_name} streams no more";
    }

    /// <summary>Puts back what stood there before this run, unless somebody else has written since.</summary>
    private async Task<string> TakeBackAsync(CancellationToken cancellationToken)
    {
        if (_written == 0)
        {
            return "nothing was written";
        }

        while (true)
        {
            try
            {
                return await TryTakeBackAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (IsSilence(e))
            {
                // Whether it was written is not known: looked at again, as long as there is time for undoing.
                await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<string> TryTakeBackAsync(CancellationToken cancellationToken)
    {
        if ((await _store.GetAsync(_key, cancellationToken).ConfigureAwait(false))?.Value == _before?.Value)
        {
            return "as it was";
        }

        var commit = await _store.CommitAsync(
            [new StoreCondition.ModRevisionIs(_key, _written)],
            [_before is { } before ? new StoreOperation.Put(_key, before.Value) : new StoreOperation.Delete(_key)],
            cancellationToken).ConfigureAwait(false);
        return commit.Succeeded ? "as it was" : throw new PgClusterException(Reason.PlanStale, $"{_key} was written by somebody else meanwhile: it stays so") { Target = _name };
    }

    private async Task<MemberRecord> ReadAsync(CancellationToken cancellationToken) =>
        MemberRecord.FromJson((await _store.GetAsync(_key, cancellationToken).ConfigureAwait(false))?.Value) ?? new MemberRecord();

    private async Task WriteAsync(MemberRecord record, CancellationToken cancellationToken)
    {
        var held = _lock ?? throw new InvalidOperationException("the lock comes first");
        var entry = await _store.GetAsync(_key, cancellationToken).ConfigureAwait(false);
        _before = _written == 0 ? entry : _before;
        var commit = await _store.CommitAsync(
            [
                entry is null ? new StoreCondition.Absent(_key) : new StoreCondition.ModRevisionIs(_key, entry.ModRevision),
                new StoreCondition.CreateRevisionIs(held.Key, held.CreateRevision),
            ],
            record.Removed
                ? [new StoreOperation.Put(_key, record.ToJson()), new StoreOperation.Delete(StoreKeys.SuspendedNodes + _name)]
                : [new StoreOperation.Put(_key, record.ToJson())],
            cancellationToken).ConfigureAwait(false);
        _written = commit.Succeeded ? commit.Revision : throw new PgClusterException(Reason.LockLost, "the cluster's lock is not this caller's any more") { Target = _name };
    }

    private async Task RefuseStaleAsync(CancellationToken cancellationToken)
    {
        if ((await Members.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).Revision != _plan.Revision)
        {
            throw new PgClusterException(Reason.PlanStale, "the cluster's nodes have changed since the plan was made") { Target = _name };
        }
    }

    /// <summary>Waits until nothing is missing; shortly before the step's time is over, the error says what was.</summary>
    private async Task UntilAsync(PlanStep step, Func<IReadOnlyList<NodeReport>, string?> missing, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (await WhatIsMissingAsync().ConfigureAwait(false) is { } what)
        {
            if (_time.GetElapsedTime(began).TotalSeconds > 0.9 * step.BudgetSeconds)
            {
                throw new PgClusterException(Reason.StepTimeout, string.Create(CultureInfo.InvariantCulture, $"not within {0.9 * step.BudgetSeconds:0.#} s: {what}")) { Target = _name };
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }

        async Task<string?> WhatIsMissingAsync()
        {
            try
            {
                return missing(await ReportsAsync(cancellationToken).ConfigureAwait(false));
            }
            catch (PgClusterException e) when (IsSilence(e))
            {
                return e.Message;
            }
        }
    }

    private static bool IsSilence(PgClusterException e) => e.Reason is Reason.StoreUnavailable or Reason.NoQuorum;

    private async Task<IReadOnlyList<NodeReport>> ReportsAsync(CancellationToken cancellationToken) =>
        [.. (await _store.ListAsync(StoreKeys.Nodes, cancellationToken).ConfigureAwait(false)).Entries.Select(e => NodeReport.FromJson(e.Value)).OfType<NodeReport>()];
}
