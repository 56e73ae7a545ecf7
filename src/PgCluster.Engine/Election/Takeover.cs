using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Election;

/// <summary>What the winner of an election does: clients wait, it takes the leadership, is promoted and published, clients go on; and the history says so.</summary>
internal sealed class Takeover
{
    // A pooler on a host that is lost does not answer, and the next attempt must not wait for it.
    private static readonly TimeSpan GiveUpBudget = TimeSpan.FromMilliseconds(250);

    private readonly IClusterStore _store;
    private readonly KeeperContacts _contacts;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly NodeConfig _self;
    private readonly DateTimeOffset _began;
    private readonly long _clock;
    private readonly List<StepReport> _steps = [];

    /// <summary>Makes the takeover of one election.</summary>
    /// <param name="store">The store.</param>
    /// <param name="contacts">The keepers of the poolers.</param>
    /// <param name="config">The cluster.</param>
    /// <param name="time">The clock.</param>
    /// <param name="self">The winner.</param>
    /// <param name="began">When the election began.</param>
    /// <param name="clock">The same as a timestamp.</param>
    public Takeover(IClusterStore store, KeeperContacts contacts, ClusterConfig config, TimeProvider time, NodeConfig self, DateTimeOffset began, long clock)
    {
        _store = store;
        _contacts = contacts;
        _config = config;
        _time = time;
        _self = self;
        _began = began;
        _clock = clock;
    }

    /// <summary>Runs it. Null when the leadership was not to be had any more; nothing was changed then.</summary>
    /// <param name="ballot">The election that this node has won.</param>
    /// <param name="takeAndPromote">Takes the leadership, promotes and publishes; null when it was not to be had.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<OperationReport?> RunAsync(
        ElectionBallot ballot, Func<ElectionBallot, OperationDecision, Task<Promotion?>> takeAndPromote, CancellationToken cancellationToken)
    {
        var lost = ballot.LastLeader!;
        var decided = new OperationDecision(Guid.CreateVersion7(_began).ToString("n"), DecisionState.Promoted, lost.Node, _self.Name);
        Step("vote", string.Join(",", ballot.Verdict!.Candidates.Select(c => c.Node)), TimeSpan.Zero, ballot.Verdict.Evidence);

        var pause = new TakeoverPause(_contacts, _config, _time, lost.Term, $"agent of {_self.Name}");
        pause.Begin();
        var started = _time.GetElapsedTime(_clock);
        Promotion? promotion = null;
        try
        {
            promotion = await takeAndPromote(ballot, decided).ConfigureAwait(false);
        }
        finally
        {
            // Whoever else leads by now ends the pause of the same id too; nobody may be left waiting for that.
            if (promotion is null)
            {
                using var budget = new CancellationTokenSource(GiveUpBudget, _time);
                await pause.EndAsync(null, budget.Token).ConfigureAwait(false);
            }
        }

        if (promotion is null)
        {
            return null;
        }

        Step(FailoverSteps.Promote, _self.Name, started, string.Create(
            CultureInfo.InvariantCulture,
            $"timeline {promotion.Timeline}, writable after {promotion.PromotedMs:0} ms, published after {promotion.PublishedMs:0.0} ms more"));
        started = _time.GetElapsedTime(_clock);
        using (var budget = new CancellationTokenSource(_config.Failover.ResumeTimeout, _time))
        {
            Step(FailoverSteps.Resume, "", started, await pause.EndAsync(new PoolerTarget(new PrimaryAddress(_self.Host, _self.Port)), budget.Token).ConfigureAwait(false));
        }

        var report = new OperationReport
        {
            Id = decided.Id,
            Kind = "takeover",
            Cluster = _config.Name,
            Outcome = OperationOutcome.Succeeded,
            OldPrimary = lost.Node,
            NewPrimary = _self.Name,
            Forced = true,
            Timeline = promotion.Timeline,
            Why = lost.Left is { } left ? $"{lost.Node} gave its leadership back: {left}" : $"the lease of {lost.Node} ended",
            Actor = $"agent of {_self.Name}",
            StartedAt = _began,
            DurationSeconds = _time.GetElapsedTime(_clock).TotalSeconds,
            Steps = _steps,
        };
        try
        {
            await OperationHistory.AddAsync(_store, report, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            // It has happened all the same; the agent's log has it.
        }

        return report;
    }

    private void Step(string name, string node, TimeSpan started, string detail) => _steps.Add(new StepReport(
        name, StepPhase.Run, node, started.TotalSeconds, (_time.GetElapsedTime(_clock) - started).TotalSeconds, true, detail));
}
