using Microsoft.Extensions.Logging;
using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Roles;

/// <summary>
/// The role loop of a leader: gives every member the role that <see cref="RolePlanner"/> decides, on record in one transaction that only the leader can do. <see cref="SynchronousPolicyRule"/> then names the
/// voters, make before break. It works beside the agent's looks and reads the store only when a round is due, so that no look waits for it.
/// </summary>
/// <remarks>A node is online when the observers agree that it is healthy and it streams from this leader. A takeover changes nothing at once: who had a role is given <see cref="DownAfter"/> to find the new leader.</remarks>
internal sealed partial class RoleKeeper : IDisposable
{
    private readonly NodeContext _node;
    private readonly RoleWatch _watch;
    private readonly IRoleHook? _hook;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Dictionary<string, Liveness> _online = new(StringComparer.Ordinal);
    private string? _term;
    private RoleRounds _rounds = RoleRounds.None;
    private IReadOnlyList<string> _warned = [];
    private Task _hooked = Task.CompletedTask;
    private RolePlan? _last;
    private CancellationToken _end;

    /// <summary>Makes the loop of one node; it works only while the node leads.</summary>
    /// <param name="node">The node.</param>
    /// <param name="watch">The roles on record.</param>
    /// <param name="hook">What is run after every round; null for nothing.</param>
    public RoleKeeper(NodeContext node, RoleWatch watch, IRoleHook? hook)
    {
        _hook = hook;
        _node = node;
        _watch = watch;
        _logger = node.Logger;
    }

    /// <summary>How long a node has to be away, or to stream from nobody, until its role goes to another.</summary>
    private TimeSpan DownAfter => _node.Config.Failover.FollowTimeout / 3;

    /// <summary>The caller's monotonic clock.</summary>
    private TimeSpan Now => _node.Time.GetElapsedTime(0);

    /// <summary>Works until <paramref name="cancellationToken"/> ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _end = cancellationToken;
        try
        {
            await LoopAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await _hooked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LoopAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await LookAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e)
            {
                NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
            }
#pragma warning disable CA1031 // A defect in one round must not leave the cluster without a role loop: the next round may do better.
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                NodeLog.Defect(_node.Logger, e);
            }

            await Task.Delay(_node.Config.Agent.ProbeInterval, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>See <see cref="INodeAgent.AdjustRolesAsync"/>.</summary>
    public async Task<RolePlan> AdjustAsync(RoleAdjustmentRequest asked, CancellationToken cancellationToken)
    {
        var request = RoleTargets.Of(_node.Config, asked.MaxSteps == 0 ? RoleRounds.MostSteps : asked.MaxSteps) ?? throw new PgClusterException(
            Reason.InvalidConfiguration, "synchronous.mode is manual, so that the list of synchronous standbys is yours and with it the roles: set it to availability, protection or performance to have them adjusted");
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var status = Leading
                ?? throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} does not lead, or its server does not run: roles are the leader's to adjust") { Target = _node.Self.Name };
            var members = await ObserveAsync(status, cancellationToken).ConfigureAwait(false);
            var plan = await AdjustAsync(status, members, request, asked, cancellationToken).ConfigureAwait(false);
            if (!asked.PlanOnly)
            {
                Tell(plan);
            }

            return plan;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    /// <summary>Takes in how the members are, and adjusts their roles when a round is due.</summary>
    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (RoleTargets.Of(_node.Config, RoleRounds.MostSteps) is not { } request)
        {
            return;
        }

        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Leading is not { } status)
            {
                // Nobody streams from a server that restarts: how long a node has been away counts anew.
                _term = null;
                return;
            }

            var members = await ObserveAsync(status, cancellationToken).ConfigureAwait(false);
            if (!_rounds.IsDue(members, Now, _node.Config.Roles.AdjustmentInterval))
            {
                return;
            }

            var plan = await AdjustAsync(status, members, request, new RoleAdjustmentRequest { Actor = $"agent of {_node.Self.Name}" }, cancellationToken).ConfigureAwait(false);
            _rounds = RoleRounds.After(members, Now);
            Tell(plan);
            if (!plan.Warnings.SequenceEqual(_warned))
            {
                _warned = plan.Warnings;
                foreach (var warning in plan.Warnings)
                {
                    LogWarning(warning);
                }
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The server of this node while it leads with it; null otherwise.</summary>
    private PostgresStatus? Leading => _node is { Seat.IsHeld: true, StoppedFor: null, Status: { Role: NodeRole.Primary, State: NodeState.Running } status } ? status : null;

    /// <summary>The members as they are now, with the roles on record where anybody has put some there.</summary>
    private async Task<IReadOnlyList<RoleMember>> ObserveAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var term = _node.Seat.Term;
        if (_term != term)
        {
            // What is at hand may be older than the leadership, or not there yet: whoever has a role on record must not be taken for one that has yet to come.
            _watch.Last = RoleRecord.FromJson((await _node.Store.GetAsync(StoreKeys.Roles, cancellationToken).ConfigureAwait(false))?.Value);
            _online.Clear();
            (_term, _rounds) = (term, RoleRounds.None);
        }

        var (record, now) = (_watch.Last, Now);
        return [.. _node.Config.Nodes.Select(n =>
        {
            var (role, suspension) = (RoleOf(n.Name, record, status), _node.SuspendedNodes.GetValueOrDefault(n.Name));
            var verdict = Judge(n.Name, status);
            var liveness = _online.GetValueOrDefault(n.Name) ?? new Liveness(role != MemberRole.Spare || verdict == HealthState.Healthy);
            liveness = _online[n.Name] = liveness.Next(verdict, now, DownAfter, SynchronousPolicyRule.Settled);
            return new RoleMember
            {
                Name = n.Name,
                Role = role,
                IsPrimary = n.Name == _node.Self.Name,
                FailureDomain = n.FailureDomain,
                Weight = n.Weight,
                IsOnline = n.Name == _node.Self.Name || liveness.IsOnline,
                NoFailover = n.NoFailover,
                Suspended = suspension?.ToString(),
                HandsOver = suspension?.HandsOver == true,
            };
        })];
    }

    private HealthState Judge(string node, PostgresStatus status) => _node.IsHealthy(node) switch
    {
        null => HealthState.Unknown,
        true when Streams(node, status) => HealthState.Healthy,
        _ => HealthState.Unhealthy,
    };

    /// <summary>The role on record; before there is a record, the one that a node has come to have.</summary>
    private MemberRole RoleOf(string node, RoleRecord? record, PostgresStatus status) =>
        record is not null ? record.Of(node)
        : node == _node.Self.Name || SynchronousList.Parse(status.SynchronousStandbyNames).Names(node) ? MemberRole.Voter
        : Streams(node, status) ? MemberRole.StandBy
        : MemberRole.Spare;

    private static bool Streams(string node, PostgresStatus status) => status.Standbys.Any(s => s.Name == node && s.State == "streaming");

    /// <summary>One round: decides, and puts what was decided on record with its entry in the history.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/>: this node does not lead any more, or somebody else has changed the roles; nothing was done.</exception>
    private async Task<RolePlan> AdjustAsync(
        PostgresStatus status, IReadOnlyList<RoleMember> members, RoleRequest request, RoleAdjustmentRequest asked, CancellationToken cancellationToken)
    {
        var (began, clock) = (_node.Time.GetUtcNow(), _node.Time.GetTimestamp());
        var entry = await _node.Store.GetAsync(StoreKeys.Roles, cancellationToken).ConfigureAwait(false);
        var recorded = RoleRecord.FromJson(entry?.Value);
        var plan = RolePlanner.Balance([.. members.Select(m => m with { Role = RoleOf(m.Name, recorded, status) })], request);
        var record = new RoleRecord(_node.Self.Name, plan.Members.ToDictionary(m => m.Node, m => m.After, StringComparer.Ordinal), began);
        if (asked.PlanOnly || recorded?.Says(record.Primary, record.Roles) == true)
        {
            return plan;
        }

        var commit = _node.Seat.Holding is { } holding
            ? await _node.Store.CommitAsync(
                [holding, entry is null ? new StoreCondition.Absent(StoreKeys.Roles) : new StoreCondition.ModRevisionIs(StoreKeys.Roles, entry.ModRevision)],
                [
                    new StoreOperation.Put(StoreKeys.Roles, record.ToJson()),
                    .. plan.Changes.Count == 0 ? (StoreOperation[])[] : [Entry(plan, asked, began, _node.Time.GetElapsedTime(clock))],
                ],
                cancellationToken).ConfigureAwait(false)
            : null;
        if (commit is not { Succeeded: true })
        {
            throw new PgClusterException(Reason.PlanStale, $"the roles were not changed: {_node.Self.Name} does not lead any more, or is about to hand over") { Target = _node.Self.Name };
        }

        _watch.Last = record;
        foreach (var change in plan.Changes)
        {
            LogChanged(change.Node, change.From, change.To, change.Why);
        }

        // The list of synchronous standbys follows.
        _node.Wake();
        return plan;
    }

    /// <summary>Runs the hook after a round, and does not wait for it: whatever it does, the next round comes in time. Of the rounds that come while it runs it is told the last.</summary>
    private void Tell(RolePlan plan)
    {
        if (_hook is { } hook)
        {
            var before = _hooked;
            Volatile.Write(ref _last, plan);
            _hooked = Task.Run(() => AfterAsync(hook, before), CancellationToken.None);
        }

        async Task AfterAsync(IRoleHook hook, Task before)
        {
            await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ReferenceEquals(Volatile.Read(ref _last), plan))
            {
                await RunAsync(hook, plan, _end).ConfigureAwait(false);
            }
        }
    }

    private async Task RunAsync(IRoleHook hook, RolePlan plan, CancellationToken cancellationToken)
    {
        try
        {
            await hook.RunAsync(plan, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            LogHookFailed(e.Message);
        }
#pragma warning disable CA1031 // Whatever becomes of the hook, the roles go on.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            NodeLog.Defect(_node.Logger, e);
        }
    }

    private StoreOperation.Put Entry(RolePlan plan, RoleAdjustmentRequest asked, DateTimeOffset began, TimeSpan took)
    {
        var report = new OperationReport
        {
            Id = Guid.CreateVersion7(began).ToString("n"),
            Kind = "role",
            Cluster = _node.Config.Name,
            Outcome = OperationOutcome.Succeeded,
            OldPrimary = plan.Primary,
            NewPrimary = plan.Primary,
            Node = string.Join(',', plan.Changes.Select(c => c.Node)),
            Timeline = _node.Status?.Timeline ?? 0,
            Why = asked.Why.Length > 0 ? asked.Why : string.Join("; ", plan.Changes.Select(c => c.Why)),
            Actor = asked.Actor,
            StartedAt = began,
            DurationSeconds = took.TotalSeconds,
            Steps = [.. plan.Changes.Select(c => new StepReport(c.Degrades ? "degrade" : "assign", StepPhase.Run, c.Node, 0, took.TotalSeconds, true, $"{c.From} -> {c.To}: {c.Why}"))],
        };
        return new StoreOperation.Put(StoreKeys.History + report.Id, OperationHistory.ToJson(report));
    }

    [LoggerMessage(2150, LogLevel.Information, "{Node} is a {To} from now on, and was a {From}: {Why}")]
    private partial void LogChanged(string node, MemberRole from, MemberRole to, string why);

    [LoggerMessage(2151, LogLevel.Warning, "The roles are not as asked for: {Why}")]
    private partial void LogWarning(string why);

    [LoggerMessage(2152, LogLevel.Warning, "The role hook failed: {Error}")]
    private partial void LogHookFailed(string error);
}
