using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>One run of a plan: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class InitializeRun : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly InitializeRequest _request;
    private readonly Func<CancellationToken, Task<InitializeFacts>> _look;
    private readonly StoreKeys _keys;
    private readonly Dictionary<string, DateTimeOffset?> _startedAt = new(StringComparer.Ordinal);
    private readonly OperationLock _lock;
    private string? _system;

    public InitializeRun(
        IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, OperationPlan plan, InitializeRequest request, Func<CancellationToken, Task<InitializeFacts>> look)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _plan = plan;
        _request = request;
        _look = look;
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
        _lock = new OperationLock(store, config, plan.Id, new LockHolder(request.Actor, plan.Kind));
    }

    private NodeConfig Primary => _config.Nodes.First(n => n.Name == _plan.To);

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        InitializeSteps.Lock => _lock.Step(step),
        InitializeSteps.Recheck => new OperationStep(step, _lock.Guarded(RecheckAsync)),
        InitializeSteps.Names => new OperationStep(step, _lock.Guarded(ct => NameAsync(step, ct))),
        InitializeSteps.Make => new OperationStep(step, _lock.Guarded(MakeAsync)) { UndoAsync = DiscardAsync },
        InitializeSteps.Begin => new OperationStep(step, _lock.Guarded(BeginAsync)),
        InitializeSteps.Identity => new OperationStep(step, _lock.Guarded(IdentifyAsync)),
        InitializeSteps.Lead => new OperationStep(step, _lock.Guarded(LeadAsync)),
        InitializeSteps.Stream => new OperationStep(step, _lock.Guarded(ct => StreamAsync(step, ct))),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    private async Task<string> RecheckAsync(CancellationToken cancellationToken)
    {
        var facts = await _look(cancellationToken).ConfigureAwait(false);
        var now = InitializeFlow.Plan(facts, _request, _plan.Id);
        if (now.Steps.Count == 0 || now.To != _plan.To || !now.Steps.Select(s => (s.Name, s.Node)).SequenceEqual(_plan.Steps.Select(s => (s.Name, s.Node))))
        {
            var changed = now.Checks.FirstOrDefault(c => c.Status == CheckStatus.Failed);
            throw new PgClusterException(changed?.Reason ?? Reason.PlanStale, changed is null ? "the servers have changed since the plan was made" : $"{changed.Name}: {changed.Evidence}");
        }

        foreach (var node in facts.Nodes)
        {
            _startedAt[node.Name] = node.Survey!.StartedAt;
        }

        _system = facts.Nodes.First(n => n.Name == _plan.To).Survey!.Server.SystemIdentifier;
        return "as the plan found them";
    }

    private async Task<string> NameAsync(PlanStep step, CancellationToken cancellationToken)
    {
        var upstream = new UpstreamAddress(Primary.Name, Primary.Host, Primary.Port);
        var names = step.Node.Split(',');
        await AtOnce.EachAsync(names, name => _peers.Node(name).AdoptAsync(_lock.Token, _system!, upstream, cancellationToken)).ConfigureAwait(false);
        return $"{string.Join(", ", names)} stream under their nodes' names";
    }

    private async Task<string> MakeAsync(CancellationToken cancellationToken)
    {
        _system = await _peers.Node(Primary.Name).MakeServerAsync(_lock.Token, _request.Locale, _request.Encoding, cancellationToken).ConfigureAwait(false);
        return $"database system {_system}";
    }

    private async Task<string> DiscardAsync(CancellationToken cancellationToken) =>
        await _peers.Node(Primary.Name).DiscardServerAsync(_lock.Token, cancellationToken).ConfigureAwait(false) ? "removed" : "nothing was there";

    private async Task<string> BeginAsync(CancellationToken cancellationToken)
    {
        await _peers.Node(Primary.Name).BeginServerAsync(_lock.Token, cancellationToken).ConfigureAwait(false);
        return $"{Primary.DataDirectory} is database system {_system}";
    }

    private async Task<string> IdentifyAsync(CancellationToken cancellationToken)
    {
        var identity = new ClusterIdentity(_system!, _config.Name, _time.GetUtcNow(), _request.Actor);
        var commit = await _store.CommitAsync(
            [
                new StoreCondition.Absent(StoreKeys.Cluster),
                new StoreCondition.Absent(StoreKeys.Leader),
                new StoreCondition.Absent(StoreKeys.LastLeader),
                new StoreCondition.CreateRevisionIs(_lock.Token.LockKey, _lock.Token.LockRevision),
            ],
            [new StoreOperation.Put(StoreKeys.Cluster, identity.ToJson())],
            cancellationToken).ConfigureAwait(false);
        return commit.Succeeded
            ? $"{_config.Name} is database system {_system}"
            : throw new PgClusterException(Reason.PlanStale, "somebody else has initialised the cluster meanwhile, or the lock is lost");
    }

    private async Task<string> LeadAsync(CancellationToken cancellationToken)
    {
        var wanted = new PrimaryAddress(Primary.Host, Primary.Port).ToString();
        while (LeaderRecord.FromJson((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value)?.Node != Primary.Name
            || (await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false))?.Value != wanted)
        {
            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }

        return $"{Primary.Name} leads, and {wanted} is published";
    }

    private async Task<string> StreamAsync(PlanStep step, CancellationToken cancellationToken)
    {
        // Beside servers that ran before, a node without one gets its copy from its own agent, and may take long.
        var standbys = step.Node.Split(',', StringSplitOptions.RemoveEmptyEntries).Where(n => _request.New || _startedAt[n] is not null).ToArray();
        var began = _time.GetTimestamp();
        while (true)
        {
            var primary = await _peers.Node(Primary.Name).GetStatusAsync(cancellationToken).ConfigureAwait(false);
            var streaming = primary.Postgres.Standbys.Where(s => s.State == "streaming").Select(s => s.Name).ToHashSet();
            var missing = standbys.Where(n => !streaming.Contains(n)).ToArray();
            var changing = missing.Length > 0 ? [] : await ChangingSlotsAsync(standbys, primary.Postgres, cancellationToken).ConfigureAwait(false);
            if (missing.Length + changing.Count == 0)
            {
                break;
            }

            if (_time.GetElapsedTime(began).TotalSeconds > 0.9 * step.BudgetSeconds)
            {
                throw new PgClusterException(
                    Reason.StepTimeout,
                    missing.Length > 0
                        ? $"{string.Join(", ", missing)} do not stream from {Primary.Name} yet; the log of their agents says why, and they go on trying"
                        : $"{string.Join(", ", changing)} do not stream through their slots on {Primary.Name} yet; the log of their agents says why, and they go on trying")
                {
                    Target = missing.Concat(changing).First(),
                };
            }

            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
        }

        if (_request.New)
        {
            return $"{string.Join(", ", standbys)} stream";
        }

        var restarted = (await _look(cancellationToken).ConfigureAwait(false)).Nodes
            .Where(n => _startedAt[n.Name] is { } before && n.Survey is { } survey && survey.StartedAt != before).Select(n => n.Name).ToArray();
        return restarted.Length == 0
            ? $"{string.Join(", ", standbys)} stream; no server was restarted"
            : $"{string.Join(", ", standbys)} stream; {string.Join(", ", restarted)} restarted meanwhile";
    }

    /// <summary>Who streams and will connect once more, through the slot that the primary keeps for it: an operation that came right after would find it gone.</summary>
    private async Task<IReadOnlyList<string>> ChangingSlotsAsync(IEnumerable<string> standbys, PostgresStatus primary, CancellationToken cancellationToken)
    {
        var changing = new List<string>();
        foreach (var name in standbys.Where(_ => _config.Rejoin.Slots))
        {
            if (!primary.Slots.Any(s => s is { Active: true, Logical: false } && s.Name == SlotName.Of(name))
                && !SlotPolicy.HasForeignSlot((await _peers.Node(name).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres))
            {
                changing.Add(name);
            }
        }

        return changing;
    }
}
