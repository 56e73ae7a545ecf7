using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;

namespace PgCluster.Engine.Synchronous;

/// <summary>Carries out <see cref="SynchronousPolicyRule"/> for a leader, one step a look, and gives a new leader the list it begins with.</summary>
internal sealed partial class SynchronousKeeper
{
    private readonly NodeConfig _self;
    private readonly ClusterConfig _config;
    private readonly IPostgresServer _server;
    private readonly IClusterStore _store;
    private readonly Func<string, bool?> _isHealthy;
    private readonly Func<string, bool> _isVoter;
    private readonly StandbyWatch _standbys;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private (string Names, int Timeline) _seen;
    private long _seenAt;
    private bool _isAlone;
    private Lsn? _aloneSince;
    private string? _written;

    /// <summary>Makes the keeper of one node.</summary>
    /// <param name="self">The node.</param>
    /// <param name="config">Its cluster.</param>
    /// <param name="server">Its PostgreSQL.</param>
    /// <param name="store">Where changes go to the history.</param>
    /// <param name="isHealthy">The observers' verdict on a node; null when there is none.</param>
    /// <param name="isSuspended">Whether a node is out of service.</param>
    /// <param name="isVoter">Whether a node is one of those that commits are to wait for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public SynchronousKeeper(
        NodeConfig self, ClusterConfig config, IPostgresServer server, IClusterStore store, Func<string, bool?> isHealthy, Func<string, bool> isSuspended,
        Func<string, bool> isVoter, TimeProvider time, ILogger logger)
    {
        _self = self;
        _config = config;
        _server = server;
        _store = store;
        _isHealthy = isHealthy;
        _isVoter = isVoter;
        _time = time;
        _logger = logger;
        _standbys = new StandbyWatch(self, config, isHealthy, isSuspended, isVoter, time);
    }

    /// <summary>What this look asks for. <see cref="EnforceAsync"/> comes only after its record has been written.</summary>
    /// <param name="server">The leader's server.</param>
    /// <param name="recorded">What is on record.</param>
    public SynchronousStep Look(PostgresStatus server, SynchronousPolicyRecord? recorded)
    {
        if (_seen.Timeline != server.Timeline)
        {
            _standbys.Clear();
        }

        // Every process of the server has been told of a new list by the time a look sees it, and may be at its last acknowledgement under the old one.
        if (_seen != (server.SynchronousStandbyNames, server.Timeline))
        {
            (_seen, _seenAt, _isAlone, _aloneSince) = ((server.SynchronousStandbyNames, server.Timeline), _time.GetTimestamp(), false, null);
        }
        else if (_aloneSince is null)
        {
            // One look later: what this one says of the server may have been seen before the time was over.
            _aloneSince = _isAlone ? server.Lsn : null;
            _isAlone = _time.GetElapsedTime(_seenAt) >= _config.Agent.ProbeInterval;
        }

        return SynchronousPolicyRule.Next(new SynchronousSituation(
            _config.Synchronous, _self.Name, _self.FailureDomain, server, recorded, _aloneSince, _written == server.SynchronousStandbyNames, _standbys.Look(server))
        {
            Places = _config.Roles.Voters - 1,
        });
    }

    /// <summary>The leader's server is restarted: how long a standby has been well or away counts anew.</summary>
    public void ExpectStandbys() => _standbys.Clear();

    /// <summary>Tells PostgreSQL, when the step asks for it. True when the next look is not to wait.</summary>
    public async Task<bool> EnforceAsync(SynchronousStep step, CancellationToken cancellationToken)
    {
        if (step.Enforce is { } list)
        {
            var (began, clock) = (_time.GetUtcNow(), _time.GetTimestamp());
            await _server.SetSynchronousStandbysAsync(list.Text, cancellationToken).ConfigureAwait(false);
            _written = list.Text;
            if (list.Text != _seen.Names)
            {
                await RecordAsync(list, step.Why, began, _time.GetElapsedTime(clock), cancellationToken).ConfigureAwait(false);
            }
        }

        return !step.IsNothing;
    }

    /// <summary>
    /// Gives a standby that is going to be promoted the list it begins to lead with, and says which: every commit it will acknowledge waits for those. In mode manual
    /// that is the one it has.
    /// </summary>
    /// <param name="before">The standby.</param>
    /// <param name="ballot">What it takes the leadership by: with votes those who gave one are waited for, without any those whom the observers do not miss.</param>
    /// <param name="cancellationToken">Ends it; the list of a standby binds nobody.</param>
    public async Task<SynchronousList> PrepareAsync(PostgresStatus before, ElectionBallot ballot, CancellationToken cancellationToken)
    {
        var present = SynchronousList.Parse(before.SynchronousStandbyNames);
        var own = First(present, _config, _self, node => ballot.Voters?.Contains(node, StringComparer.Ordinal) ?? _isHealthy(node) != false,
            ballot.SuspendedNodes.ContainsKey, _isVoter, ballot.LastLeader?.Node);
        if (!own.IsSameAs(present))
        {
            await _server.SetSynchronousStandbysAsync(own.Text, cancellationToken).ConfigureAwait(false);
            _written = own.Text;
        }

        return own;
    }

    /// <summary>The list a new leader begins with. The last leader, which has yet to come back, is waited for only when there are too few others.</summary>
    internal static SynchronousList First(
        SynchronousList present, ClusterConfig config, NodeConfig self, Func<string, bool> isThere, Func<string, bool> isSuspended, Func<string, bool> isVoter, string? lastLeader)
    {
        if (config.Synchronous.Mode == SynchronousMode.Manual)
        {
            return present;
        }

        var others = With(n => n.Name != lastLeader && isThere(n.Name));
        return others.Count >= config.Synchronous.Standbys ? others : With(n => isThere(n.Name));

        SynchronousList With(Func<NodeConfig, bool> isWell) => SynchronousPolicyRule.Choose(
            config.Synchronous, self.FailureDomain,
            [.. config.Nodes.Where(n => n.Name != self.Name).Select(n => new SynchronousStandby(
                n.Name, n.FailureDomain, n.Weight, !n.NoFailover, isWell(n) ? TimeSpan.MaxValue : null, isWell(n) ? null : TimeSpan.MaxValue, TimeSpan.Zero)
            {
                IsSuspended = isSuspended(n.Name),
                IsVoter = isVoter(n.Name),
            })],
            SynchronousList.None, config.Roles.Voters - 1);
    }

    private async Task RecordAsync(SynchronousList list, string why, DateTimeOffset began, TimeSpan took, CancellationToken cancellationToken)
    {
        var isShort = list.Count < _config.Synchronous.Standbys && _config.Synchronous.Mode == SynchronousMode.Availability;
        if (isShort)
        {
            LogShort(_self.Name, why);
        }
        else
        {
            LogChanged(_self.Name, why);
        }

        var report = new OperationReport
        {
            Id = Guid.CreateVersion7(began).ToString("n"),
            Kind = "synchronous",
            Cluster = _config.Name,
            Outcome = OperationOutcome.Succeeded,
            OldPrimary = _self.Name,
            NewPrimary = _self.Name,
            Timeline = _seen.Timeline,
            Why = why,
            Actor = $"agent of {_self.Name}",
            StartedAt = began,
            DurationSeconds = took.TotalSeconds,
            Steps = [new StepReport(isShort ? "degrade" : "change", StepPhase.Run, _self.Name, 0, took.TotalSeconds, true, why)],
        };
        await OperationHistory.AddAsync(_store, report, cancellationToken).ConfigureAwait(false);
    }

    [LoggerMessage(2140, LogLevel.Warning, "{Node} has too few synchronous standbys: {Why}")]
    private partial void LogShort(string node, string why);

    [LoggerMessage(2141, LogLevel.Information, "{Node} waits for other synchronous standbys: {Why}")]
    private partial void LogChanged(string node, string why);
}
