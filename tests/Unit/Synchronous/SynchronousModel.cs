using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Synchronous;

/// <summary>
/// A cluster in small: a log that is a number, standbys that have flushed up to somewhere, a list that PostgreSQL enforces (for a while beside the one before), a record, and an
/// agent that takes one step at a time and can die between any two. It keeps account of what clients were told.
/// </summary>
internal sealed class SynchronousModel
{
    private readonly SynchronousConfig _config;
    private readonly int _places;
    private readonly List<Node> _nodes;
    private readonly List<(ulong Lsn, int Timeline)> _promised = [];
    private readonly List<(ulong Lsn, int Timeline)> _acknowledged = [];
    private Node _primary;
    private int _timeline = 1;
    private ulong _written = 100;
    private SynchronousList _enforced = SynchronousList.None;
    private SynchronousList? _fading;
    private SynchronousPolicyRecord? _record;

    // The agent's own memory.
    private ulong? _aloneSince;
    private int _looks;
    private bool _isWritten;

    public SynchronousModel(SynchronousConfig config, int nodes, int domains, int places)
    {
        _config = config;
        _places = places;
        _nodes = [.. Enumerable.Range(0, nodes).Select(i => new Node($"n{i}", $"d{i % domains}") { Flushed = 100 })];
        _primary = _nodes[0];
    }

    public List<string> Trace { get; } = [];

    public int Elections { get; private set; }

    public int Changes { get; private set; }

    private IEnumerable<Node> Standbys => _nodes.Where(n => n != _primary);

    /// <summary>Does one thing; which, the number says. Returns what was broken; null when nothing was.</summary>
    public string? Do(int what, int who)
    {
        var node = Standbys.ElementAt(who % (_nodes.Count - 1));
        switch (what)
        {
            case 0:
                _written += 10;
                break;
            case 1 when node.IsUp:
                node.Flushed = Math.Max(node.Flushed, _written - (ulong)(who % 3 * 5));
                break;
            case 2:
                Acknowledge();
                break;
            case 3:
                node.IsUp = false;
                break;
            case 4:
                node.IsUp = true;
                break;
            case 5:
                Step();
                break;
            case 6:
                // The agent dies; the next one knows nothing.
                (_aloneSince, _looks, _isWritten) = (null, 0, false);
                break;
            case 7:
                _fading = null;
                break;
            case 8:
                Elect(who);
                break;
            case 9:
                // The role loop gives a vote, or takes it.
                node.IsVoter = !node.IsVoter;
                break;
        }

        Trace.Add($"{what}/{node.Name}: wrote {_written}, '{_enforced.Text}'{(_fading is null ? "" : $" or '{_fading.Text}'")}, record {_record?.ToJson()}, "
            + string.Join(' ', Standbys.Select(n => $"{n.Name}{(n.IsVoter ? "" : "?")}{(n.IsUp ? "+" : "-")}{n.Flushed}")));
        return Judge();
    }

    /// <summary>PostgreSQL tells clients of every commit that enough have; a process that has not read the new list yet goes by the old one.</summary>
    private void Acknowledge()
    {
        foreach (var list in new[] { _enforced, _fading }.OfType<SynchronousList>())
        {
            var upTo = list.Count == 0
                ? _written
                : _nodes.Where(n => n != _primary && n.IsUp && list.Names(n.Name)).Select(n => n.Flushed).OrderDescending().Skip(list.Count - 1).FirstOrDefault();
            if (upTo > 0)
            {
                _acknowledged.Add((Math.Min(upTo, _written), _timeline));
                if (list.Count > 0)
                {
                    _promised.Add((Math.Min(upTo, _written), _timeline));
                }
            }
        }
    }

    /// <summary>One look of the leader's agent, and the one step it asks for.</summary>
    private void Step()
    {
        // A second look at a list sees it in force everywhere: what was fading is gone by then.
        if (_looks > 0 && _fading is null)
        {
            _aloneSince ??= _written;
        }

        _looks++;
        var step = SynchronousPolicyRule.Next(new SynchronousSituation(
            _config, _primary.Name, _primary.Domain,
            new PostgresStatus
            {
                State = NodeState.Running,
                Role = NodeRole.Primary,
                Timeline = _timeline,
                Lsn = new Lsn(_written),
                SynchronousStandbyNames = _enforced.Text,
                Standbys = [.. Standbys.Where(n => n.IsUp).Select(n => new ReplicationPeer(n.Name, "streaming", SyncState.Quorum, null, new Lsn(n.Flushed), null))],
            },
            _record, _aloneSince is { } since ? new Lsn(since) : null, _isWritten,
            [.. Standbys.Select(n => new SynchronousStandby(
                n.Name, n.Domain, 0, true, n.IsUp ? TimeSpan.FromDays(1) : null, n.IsUp ? null : TimeSpan.FromDays(1), TimeSpan.FromSeconds(2))
            {
                IsVoter = n.IsVoter,
            })])
        {
            Places = _places,
        });
        _record = step.Record ?? _record;
        if (step.Enforce is { } list)
        {
            if (!list.IsSameAs(_enforced))
            {
                // What an earlier change has left behind in one process is gone when the next is told; two changes are never that close.
                (_fading, _enforced, _aloneSince, _looks) = (_enforced, list, null, 0);
                Changes++;
            }

            _isWritten = true;
        }
    }

    /// <summary>The primary is lost for good, and whoever is up elects another, if it may.</summary>
    private void Elect(int who)
    {
        if (_fading is not null)
        {
            return;
        }

        var voters = Standbys.Where(n => n.IsUp).ToArray();
        if (Decide(voters) is not { Winner: { } winner })
        {
            return;
        }

        Elections++;
        var old = _primary;
        _primary = _nodes.Single(n => n.Name == winner);
        _written = _primary.Flushed;
        _timeline++;
        _acknowledged.RemoveAll(a => a.Lsn > _written);
        var others = _nodes.Where(n => n != _primary).ToArray();
        foreach (var node in others)
        {
            node.Flushed = Math.Min(node.Flushed, _written);
        }

        old.Flushed = _written;
        old.IsUp = who % 2 == 0;
        var own = SynchronousPolicyRule.Choose(
            _config, _primary.Domain,
            [.. others.Select(n => new SynchronousStandby(
                n.Name, n.Domain, 0, true, voters.Contains(n) ? TimeSpan.MaxValue : null, voters.Contains(n) ? null : TimeSpan.MaxValue, TimeSpan.Zero) { IsVoter = n.IsVoter })],
            SynchronousList.None, _places);
        _record = own.Of(_primary.Name, _timeline).Before(_record ?? SynchronousList.None.Of(old.Name, _timeline - 1));
        (_enforced, _aloneSince, _looks, _isWritten) = (own, null, 0, true);
    }

    /// <summary>
    /// Whatever set of standbys could vote now: the winner has every commit that was promised to be kept, every acknowledged one when the verdict says that it has,
    /// and the primary, should it still run, cannot acknowledge one that the winner lacks.
    /// </summary>
    private string? Judge()
    {
        var all = Standbys.ToArray();
        for (var mask = 1; mask < 1 << all.Length; mask++)
        {
            var voters = all.Where((_, i) => (mask & (1 << i)) != 0).ToArray();
            if (Decide(voters) is not { Winner: { } name } verdict)
            {
                continue;
            }

            var winner = all.Single(n => n.Name == name);
            if (_promised.FindAll(p => p.Lsn > winner.Flushed) is { Count: > 0 } lost)
            {
                return $"{name} wins with {winner.Flushed} by {string.Join(',', voters.Select(v => v.Name))}, and {lost[^1].Lsn} was acknowledged: {verdict.Evidence}";
            }

            if (verdict.Vouched && _acknowledged.Exists(a => a.Lsn > winner.Flushed))
            {
                return $"{name} is said to have every acknowledged commit, and has not";
            }

            // The next list may come into force too: its record stands already.
            foreach (var list in new[] { _enforced, _fading, Next() }.OfType<SynchronousList>().Where(l => l.Count > 0))
            {
                var free = all.Count(n => list.Names(n.Name) && (!voters.Contains(n) || n.Flushed > winner.Flushed));
                if (free >= list.Count)
                {
                    return $"{name} wins, and under '{list.Text}' the old primary can still have commits acknowledged that it lacks";
                }
            }
        }

        return null;
    }

    private SynchronousList? Next() => _record is { } r && r.Primary == _primary.Name ? new SynchronousList(_config.Method, r.Count, r.Standbys) : null;

    private ElectionVerdict Decide(Node[] voters) => ElectionPolicy.Decide(new ElectionSituation(
        [.. _nodes.Select(n => new ElectionNode(n.Name, n.Domain, 0, voters.Contains(n)
            ? new PostgresStatus { State = NodeState.NotStreaming, Role = NodeRole.Standby, Timeline = _timeline, Lsn = new Lsn(n.Flushed) }
            : null))],
        new LastLeader(_primary.Name, _timeline, "t", new Lsn(_written)), _record ?? SynchronousList.None.Of(_primary.Name, _timeline), long.MaxValue));

    private sealed class Node(string name, string domain)
    {
        public string Name => name;

        public string Domain => domain;

        public ulong Flushed { get; set; }

        public bool IsUp { get; set; } = true;

        public bool IsVoter { get; set; } = true;
    }
}
