using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Health;

/// <summary>Observers P1, P2, … who look at nodes G1, G2, … in rounds; time passes between them as a test says. Praefect's cases are told in these words.</summary>
internal sealed class Clinic
{
    private readonly Dictionary<string, Dictionary<string, (TimeSpan Attempt, TimeSpan? Success)>> _observers = [];
    private TimeSpan _now = TimeSpan.FromHours(1);

    public HealthConfig Config { get; init; } = new();

    public QuorumRule Rule
    {
        init => Config = Config with { Quorum = value };
    }

    /// <summary>One observer's round.</summary>
    public Clinic Round(string observer, params (string Node, bool Well)[] seen)
    {
        if (!_observers.TryGetValue(observer, out var nodes))
        {
            _observers.Add(observer, nodes = []);
        }

        foreach (var (node, well) in seen)
        {
            nodes[node] = (_now, well ? _now : nodes.GetValueOrDefault(node).Success);
        }

        return this;
    }

    public Clinic After(double seconds)
    {
        _now += TimeSpan.FromSeconds(seconds);
        return this;
    }

    public ConsensusView See(params string[] nodes) => HealthConsensus.Judge(
        [.. _observers.Select(o => new ObserverView(
            new HealthReport(o.Key, default, [.. o.Value.Select(n => new HealthVote(
                n.Key, (_now - n.Value.Attempt).TotalMilliseconds, (_now - n.Value.Success)?.TotalMilliseconds, false, true, true, 1, ""))]),
            TimeSpan.Zero))],
        nodes,
        Config);

    public IReadOnlyList<string> Healthy => See().Healthy;

    /// <summary>A look that found a node well, or not.</summary>
    public static NodeProbe Look(string node, bool well, long at = 0, Lsn? primaryAt = null) => new(
        node,
        at,
        TimeSpan.FromMilliseconds(3),
        well ? Report(node, primaryAt) : null,
        well,
        well ? "well" : "gone");

    public static NodeReport Report(string node, Lsn? primaryAt = null, NodeState state = NodeState.Running) => new(
        node,
        new PostgresStatus { State = state, Role = primaryAt is null ? NodeRole.Standby : NodeRole.Primary, Lsn = primaryAt },
        "1",
        default);
}
