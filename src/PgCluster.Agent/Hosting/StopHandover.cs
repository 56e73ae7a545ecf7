using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What an agent does for its node when it is asked to stop, where <c>agent.handover_on_stop</c> says so: another node has its role then, and the server can be stopped too. The next agent of the node
/// puts it back into service.
/// </summary>
internal sealed partial class StopHandover
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortestTry = TimeSpan.FromSeconds(2);

    private readonly string _node;
    private readonly string _actor;
    private readonly ClusterConfig _config;
    private readonly IClusterStore _store;
    private readonly NodeSuspensionFlow _flow;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    public StopHandover(string node, ClusterConfig config, IClusterStore store, IClusterPeers peers, TimeProvider time, ILogger<StopHandover> logger)
    {
        (_node, _actor, _config, _store, _time, _logger) = (node, $"agent of {node}", config, store, time, logger);
        _flow = new NodeSuspensionFlow(store, peers, config, time);
    }

    /// <summary>Hands over, at most for a minute. What goes wrong is logged: an agent that is asked to stop stops.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (!_config.Agent.HandoverOnStop)
        {
            return;
        }

        try
        {
            if ((await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).ContainsKey(_node))
            {
                // Whoever took it out of service puts it back, and not this agent when it is started again.
                LogLeft(_node);
                return;
            }

            var began = _time.GetTimestamp();
            while (await TryAsync(Limit - _time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false) is { } why)
            {
                if (_time.GetElapsedTime(began) + _config.Agent.KeyRetryInterval + ShortestTry > Limit)
                {
                    LogKept(_node, why);
                    return;
                }

                LogAgain(_node, why);
                await Task.Delay(_config.Agent.KeyRetryInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            LogKept(_node, e.Message);
        }
    }

    /// <summary>Tries once. Says why it is worth another try, as where nodes are stopped at the same time; null when this is over.</summary>
    private async Task<string?> TryAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        var request = new NodeSuspensionRequest { Node = _node, HandsOver = true, Limit = limit, Why = "its agent was asked to stop", Actor = _actor };
        var plan = await _flow.PlanAsync(request, cancellationToken).ConfigureAwait(false);
        if (FailoverAssessment.RefusalOf(plan) is { } refusal)
        {
            return Again(refusal.Reason == Reason.LockHeld, refusal.Message);
        }

        if (plan.Steps.Count == 0)
        {
            return null;
        }

        var (report, _) = await _flow.RunAsync(plan, request, null, cancellationToken).ConfigureAwait(false);
        if (report.Outcome == OperationOutcome.Succeeded)
        {
            LogHandedOver(_node, report.NewPrimary ?? "nobody", report.DurationSeconds);
            return null;
        }

        // The cluster is not what it was when the plan was made: somebody else was first, or has gone.
        return Again(report.ErrorReason is Reason.LockHeld or Reason.PlanStale or Reason.AgentUnreachable or Reason.PoolerUnreachable, report.Error ?? $"{report.Outcome}");
    }

    private string? Again(bool worthIt, string why)
    {
        if (worthIt)
        {
            return why;
        }

        LogKept(_node, why);
        return null;
    }

    /// <summary>Puts the node back into service when an agent of it handed over before it stopped. Returns when that is done, or there is nothing to be done.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var suspension = (await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).GetValueOrDefault(_node);
                if (suspension is { HandsOver: true } own && own.Owner == _actor)
                {
                    await _flow.ResumeAsync(_node, _actor, cancellationToken).ConfigureAwait(false);
                }

                return;
            }
            catch (PgClusterException e)
            {
                LogNotEnded(_node, e.Message);
                await Task.Delay(_config.Agent.KeyRetryInterval, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(5010, LogLevel.Information, "{Node} has handed over, {Primary} is the primary; it took {Seconds:0.0} s")]
    private partial void LogHandedOver(string node, string primary, double seconds);

    [LoggerMessage(5011, LogLevel.Warning, "{Node} stops without a handover: {Why}")]
    private partial void LogKept(string node, string why);

    [LoggerMessage(5012, LogLevel.Information, "{Node} is out of service already: it stops as it is")]
    private partial void LogLeft(string node);

    [LoggerMessage(5013, LogLevel.Warning, "Whether {Node} has to be put back into service could not be read yet: {Error}")]
    private partial void LogNotEnded(string node, string error);

    [LoggerMessage(5014, LogLevel.Information, "{Node} tries its handover again: {Why}")]
    private partial void LogAgain(string node, string why);
}
