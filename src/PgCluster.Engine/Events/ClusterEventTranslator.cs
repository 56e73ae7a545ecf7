using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Events;

/// <summary>
/// Turns what changes in the store into what happened to the cluster. It remembers what it was told and nothing else: the same events at the same moments give the same
/// records. One caller at a time.
/// </summary>
public sealed class ClusterEventTranslator
{
    private readonly ClusterConfig _config;
    private readonly string _primaryKey;
    private readonly Dictionary<string, long> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HealthState> _health = new(StringComparer.Ordinal);
    private readonly PauseTranslator _pauses = new();
    private readonly List<ClusterEvent> _out = [];
    private LeaderRecord? _leader;
    private DateTimeOffset? _leaderSince;
    private DateTimeOffset? _leaderlessSince;
    private (LeaderRecord Leader, long Revision)? _vacated;
    private OperationDecision? _decision;
    private ClusterSuspension? _suspension;
    private string? _primary;
    private long _revision;
    private long _listed;
    private DateTimeOffset _now;

    /// <summary>Makes a translator that knows nothing.</summary>
    /// <param name="config">The cluster.</param>
    public ClusterEventTranslator(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        _primaryKey = config.Etcd.PrimaryKey;
    }

    /// <summary>Takes over how everything stands; the first event of a watch.</summary>
    /// <param name="everything">Every key of the cluster.</param>
    /// <param name="now">The moment.</param>
    public ClusterEvent Begin(StoreRange everything, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(everything);
        _now = now;
        foreach (var entry in everything.Entries)
        {
            Put(entry);
        }

        // What it was that led here is history; nobody knows since when.
        _out.Clear();
        _leaderSince = null;
        _revision = _listed = everything.Revision;
        var words = new[]
        {
            _leader is null ? "nobody leads" : Leads(_leader),
            _primary is null ? "no primary is published" : $"the primary is {Named(_primary)}",
            _suspension is null ? "" : $"suspended by {_suspension.Owner} until {_suspension.Until.ToUniversalTime():u}",
            _pauses.Paused.Any() ? $"paused: {string.Join(", ", _pauses.Paused)}" : "",
        };
        return Event(ClusterEventKind.Current) with { Node = _leader?.Node, Evidence = string.Join("; ", words.Where(w => w.Length > 0)) };
    }

    /// <summary>What a change of the store means; often nothing. A gap is to be followed by <see cref="Resume"/>.</summary>
    public IReadOnlyList<ClusterEvent> Take(StoreEvent change, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(change);
        _now = now;
        if (change is not StoreEvent.Gap)
        {
            // What everything was read after: it is known already, or was undone since.
            if (change.Revision <= _listed)
            {
                return [];
            }

            // A leader that leaves and its reason are one transaction: they come one after the other with one revision.
            if (_vacated is { Revision: var vacated } && vacated != change.Revision)
            {
                Vacated(null);
            }
        }

        _revision = Math.Max(_revision, change.Revision);
        switch (change)
        {
            case StoreEvent.Put put:
                Put(put.Entry);
                break;
            case StoreEvent.Delete delete:
                Delete(delete.Key, delete.Revision);
                break;
            default:
                _out.Add(Event(ClusterEventKind.Gap) with
                {
                    Evidence = string.Create(CultureInfo.InvariantCulture, $"events up to revision {change.Revision} were missed; what differs now follows"),
                });
                break;
        }

        return Flush();
    }

    /// <summary>After a gap, or whenever everything was read again: what differs from what is known, as if each difference had just happened.</summary>
    public IReadOnlyList<ClusterEvent> Resume(StoreRange everything, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(everything);
        _now = now;
        _listed = Math.Max(_listed, everything.Revision);
        foreach (var gone in _known.Keys.Except(everything.Entries.Select(e => e.Key), StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray())
        {
            Delete(gone, everything.Revision);
        }

        foreach (var entry in everything.Entries.Where(e => e.ModRevision > _known.GetValueOrDefault(e.Key)).OrderBy(e => e.ModRevision))
        {
            Put(entry);
        }

        _revision = Math.Max(_revision, everything.Revision);
        Vacated(null);
        return Flush();
    }

    /// <summary>Nothing more came for a while: what waited for it has happened without.</summary>
    public IReadOnlyList<ClusterEvent> Settle(DateTimeOffset now)
    {
        _now = now;
        Vacated(null);
        return Flush();
    }

    /// <summary>What the observers agree on now; the first time it is only noted.</summary>
    public IReadOnlyList<ClusterEvent> Look(ConsensusView consensus, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(consensus);
        _now = now;
        foreach (var verdict in consensus.Verdicts)
        {
            var before = _health.TryGetValue(verdict.Node, out var known) ? known : (HealthState?)null;
            _health[verdict.Node] = verdict.State;
            if (before is { } was && was != verdict.State)
            {
                _out.Add(Event(ClusterEventKind.HealthChanged) with { Node = verdict.Node, Health = verdict.State, Evidence = $"was {was}; {verdict}" });
            }
        }

        return Flush();
    }

    private void Put(StoreEntry entry)
    {
        _known[entry.Key] = entry.ModRevision;
        if (entry.Key == _primaryKey)
        {
            Published(entry.Value);
        }
        else if (entry.Key == StoreKeys.Leader)
        {
            Led(LeaderRecord.FromJson(entry.Value));
        }
        else if (entry.Key == StoreKeys.LastLeader)
        {
            if (_vacated is { } gone && LastLeader.FromJson(entry.Value) is { Left: { } why } last && last.Term == gone.Leader.Term)
            {
                Vacated(why);
            }
        }
        else if (entry.Key == StoreKeys.Operation)
        {
            Decided(OperationDecision.FromJson(entry.Value));
        }
        else if (entry.Key == StoreKeys.Suspended)
        {
            Suspended(Suspension.FromJson(entry.Value));
        }
        else if (entry.Key.StartsWith(StoreKeys.Poolers, StringComparison.Ordinal))
        {
            _out.AddRange(_pauses.Take(entry.Value, Event));
        }
        else if (entry.Key.StartsWith(StoreKeys.History, StringComparison.Ordinal) && OperationHistory.FromJson(entry.Value) is { } report)
        {
            Ended(report);
        }
    }

    private void Delete(string key, long revision)
    {
        _known.Remove(key);
        if (key == _primaryKey && _primary is { } address)
        {
            _primary = null;
            _out.Add(Event(ClusterEventKind.PrimaryRemoved) with { Node = NodeAt(address), Evidence = $"{Named(address)} is not published any more" });
        }
        else if (key == StoreKeys.Leader && _leader is { } leader)
        {
            _leader = null;
            _vacated = (leader, revision);
        }
        else if (key == StoreKeys.Suspended && _suspension is { } suspension)
        {
            _suspension = null;
            var ownTime = _now >= suspension.Until - TimeSpan.FromSeconds(1);
            _out.Add(Event(ClusterEventKind.SuspensionEnded) with
            {
                Why = suspension.Why,
                DurationSeconds = (_now - suspension.Since).TotalSeconds,
                Evidence = ownTime ? $"its time is over; {suspension.Owner} had asked for it" : $"ended early; {suspension.Owner} had asked for it until {suspension.Until.ToUniversalTime():u}",
            });
        }
    }

    private void Led(LeaderRecord? record)
    {
        if (record is null)
        {
            return;
        }

        var before = _leader;
        _leader = record;
        if (before?.Term == record.Term)
        {
            if (record.YieldsTo is { } operation && before.YieldsTo != operation)
            {
                _out.Add(Event(ClusterEventKind.LeaderYields) with { Node = record.Node, Operation = operation, Evidence = $"{record.Node} has stopped its server; the target of the operation may take over" });
            }

            return;
        }

        var led = Since(_leaderSince);
        _out.Add(Event(ClusterEventKind.LeaderTaken) with
        {
            Node = record.Node,
            DurationSeconds = before is null ? Since(_leaderlessSince) : null,
            Evidence = before is null ? Leads(record)
                : $"{Leads(record)}, after {before.Node}{(led is { } seconds ? string.Create(CultureInfo.InvariantCulture, $", which led for {seconds:0.000} s") : "")}",
        });
        _leaderSince = _now;
        _leaderlessSince = null;
    }

    /// <summary>The leader is gone for sure, and this is all that will be known of why.</summary>
    private void Vacated(string? why)
    {
        if (_vacated is not { } gone)
        {
            return;
        }

        _vacated = null;
        _out.Add(new ClusterEvent
        {
            Cluster = _config.Name,
            Kind = why is null ? ClusterEventKind.LeaderLost : ClusterEventKind.LeaderGivenBack,
            Node = gone.Leader.Node,
            Why = why ?? "",
            DurationSeconds = Since(_leaderSince),
            Evidence = why is null ? $"the lease of {gone.Leader.Node} ended without a word" : $"{gone.Leader.Node} gave its leadership back",
            Revision = gone.Revision,
            ObservedAt = _now,
        });
        _leaderSince = null;
        _leaderlessSince = _now;
    }

    private void Published(string address)
    {
        var before = _primary;
        _primary = address;
        if (before != address)
        {
            _out.Add(Event(ClusterEventKind.PrimaryPublished) with
            {
                Node = NodeAt(address),
                Evidence = before is null ? $"the primary is {Named(address)}" : $"the primary is {Named(address)}, before it was {Named(before)}",
            });
        }
    }

    private void Decided(OperationDecision? decision)
    {
        if (decision is null || decision == _decision)
        {
            return;
        }

        var before = _decision;
        _decision = decision;
        if (before?.Id != decision.Id)
        {
            _out.Add(Event(ClusterEventKind.OperationBegan) with
            {
                Node = decision.Target,
                Operation = decision.Id,
                Evidence = decision.From is null ? $"{decision.Target} is to become the primary" : $"the primary is to move from {decision.From} to {decision.Target}",
            });
        }

        if (decision.State != DecisionState.Running && (before?.Id != decision.Id || before.State != decision.State))
        {
            _out.Add(Event(ClusterEventKind.OperationDecided) with
            {
                Node = decision.State == DecisionState.Promoted ? decision.Target : decision.From,
                Operation = decision.Id,
                Evidence = decision.State == DecisionState.Promoted ? $"decided for {decision.Target}" : $"called off: {decision.From ?? "nobody"} stays the primary",
            });
        }
    }

    private void Ended(OperationReport report) => _out.Add(Event(ClusterEventKind.OperationEnded) with
    {
        Node = report.Node ?? report.NewPrimary,
        Operation = report.Id,
        Outcome = report.Outcome,
        Actor = report.Actor.Length > 0 ? report.Actor : null,
        Why = report.Why,
        DurationSeconds = report.DurationSeconds,
        Evidence = $"{report.Kind}: {report.Outcome}{Moved(report)}{(report.Error is { } error ? $": {error}" : "")}",
    });

    private void Suspended(ClusterSuspension? suspension)
    {
        if (suspension is null || suspension == _suspension)
        {
            return;
        }

        var before = _suspension;
        _suspension = suspension;
        _out.Add(Event(ClusterEventKind.SuspensionBegan) with
        {
            Actor = suspension.Owner,
            Why = suspension.Why,
            Evidence = $"{(before is null ? "" : "changed: ")}nobody is replaced until {suspension.Until.ToUniversalTime():u}",
        });
    }

    private ClusterEvent Event(ClusterEventKind kind) => new() { Cluster = _config.Name, Kind = kind, Revision = _revision, ObservedAt = _now };

    private double? Since(DateTimeOffset? moment) => moment is { } then ? (_now - then).TotalSeconds : null;

    private string? NodeAt(string address) =>
        PrimaryAddress.TryParse(address, out var parsed) ? _config.Nodes.FirstOrDefault(n => n.Host == parsed.Host && n.Port == parsed.Port)?.Name : null;

    private string Named(string address) => NodeAt(address) is { } node ? $"{node} ({address})" : address;

    // Without the record's timeline: that is where the node took over, and its promotion begins a new one.
    private static string Leads(LeaderRecord leader) => $"{leader.Node} leads";

    private static string Moved(OperationReport report) => (report.OldPrimary, report.NewPrimary) switch
    {
        (null, null) => "",
        (var old, var now) when old == now => $", {now} is the primary",
        (null, var now) => $", {now} is the primary",
        var (old, now) => $", {old} to {now ?? "nobody"}",
    };

    private List<ClusterEvent> Flush()
    {
        var events = _out.ToList();
        _out.Clear();
        return events;
    }
}
