using PgCluster.Engine.Election;
using PgCluster.Engine.Operations;

namespace PgCluster.Engine.Nodes;

/// <summary>In failover.mode advice: decides as an automatic failover would, without touching a server, and writes that to the history, once for each loss.</summary>
internal sealed class NodeAdvice
{
    private readonly NodeContext _node;
    private string? _advisedAbout;

    public NodeAdvice(NodeContext node) => _node = node;

    /// <summary>Says what would be done about the leader, unless that has been said. One agent says it: the winner's, or the first that answers when there is none.</summary>
    public async Task GiveAsync(NodeSituation situation, CancellationToken cancellationToken)
    {
        var lost = situation.LastLeader!;
        if (_advisedAbout == lost.Term)
        {
            return;
        }

        var (began, clock) = (_node.Time.GetUtcNow(), _node.Time.GetTimestamp());
        var ballot = await ElectionBallot.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false);

        // In this mode no leader is guarded, which forbids an election: the question is who would win if there were one.
        var verdict = await ballot.AsGuarded().VoteAsync(
            _node.Config, (node, token) => node.Name == _node.Self.Name ? Task.FromResult(_node.Describe(situation.Server)) : _node.Peers.Node(node.Name).GetStatusAsync(token),
            lost.Node, _node.IsHealthy, _node.Time, cancellationToken).ConfigureAwait(false);
        _advisedAbout = lost.Term;
        var speaker = situation.HoldsSeat ? _node.Self.Name : verdict.Winner ?? verdict.Candidates.Select(c => c.Node).FirstOrDefault(n => n != lost.Node);
        if (speaker != _node.Self.Name)
        {
            return;
        }

        var why = situation.HoldsSeat ? $"the observers agree that {lost.Node} is not healthy" : $"nobody leads since {lost.Left ?? $"the lease of {lost.Node} ended"}";
        var advice = verdict.Winner is { } winner ? $"{winner} would take over from {lost.Node}: {verdict.Evidence}" : $"nobody would take over from {lost.Node}: {verdict.Evidence}";
        NodeLog.Advice(_node.Logger, advice, why);
        var elapsed = _node.Time.GetElapsedTime(clock).TotalSeconds;
        var report = new OperationReport
        {
            Id = Guid.CreateVersion7(began).ToString("n"),
            Kind = "advice",
            Cluster = _node.Config.Name,
            Outcome = OperationOutcome.NeedsOperator,
            OldPrimary = lost.Node,
            Why = $"{why}; {advice}",
            Actor = $"agent of {_node.Self.Name}",
            StartedAt = began,
            DurationSeconds = elapsed,
            Steps = [.. verdict.Candidates.Select(c => new StepReport("candidate", StepPhase.Run, c.Node, 0, elapsed, c.Eligible, string.Join("; ", c.Reasons)))],
        };
        await OperationHistory.AddAsync(_node.Store, report, cancellationToken).ConfigureAwait(false);
    }
}
