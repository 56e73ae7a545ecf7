using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// <c>pgcluster supervise</c>: the agent of one node, keeper of the poolers whose keeper is this agent. Whenever the cluster's nodes change it ends its work as on a restart
/// and begins anew in the same process; while its node is none of them it waits and leaves the server alone.
/// </summary>
internal static partial class SuperviseHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, string nodeName, bool rehearses, CancellationToken cancellationToken)
    {
        if (loaded.Config.Manager == ClusterManager.Pacemaker)
        {
            var named = loaded.Config.Nodes.FirstOrDefault(n => n.Name == nodeName) ?? throw new PgClusterException(
                Reason.NodeNotFound, $"no node is named {nodeName}; the configuration has {string.Join(", ", loaded.Config.Nodes.Select(n => n.Name))}") { Target = nodeName };
            return await PacemakerHost.RunAsync(loaded, named, rehearses, cancellationToken).ConfigureAwait(false);
        }

        var time = TimeProvider.System;
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var log = logs.CreateLogger(typeof(SuperviseHost));
        var store = new EtcdStore(StoreOptions.From(loaded.Config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);
        var parts = new NodeParts(time, logs);
        await using var __ = parts.ConfigureAwait(false);
        var handoff = await DaemonHandoff.StartAsync(loaded.Config, $"supervise-{nodeName}", rehearses, time, logs.CreateLogger<DaemonHandoff>(), signals.Token).ConfigureAwait(false);
        await using var ___ = handoff.ConfigureAwait(false);
        while (!signals.Token.IsCancellationRequested)
        {
            var attempt = handoff.Next;
            var members = await ReadMembersAsync(store, log, signals.Token).ConfigureAwait(false);
            var membership = new ClusterMembership(loaded.Config, members);
            if (membership.Config.Nodes.FirstOrDefault(n => n.Name == nodeName) is { } self)
            {
                await parts.UseAsync(membership.Config, self).ConfigureAwait(false);
                if (await RunAsync(loaded.File, self, membership, store, parts, handoff, attempt, time, logs, signals.Token).ConfigureAwait(false))
                {
                    await parts.DisposeAsync().ConfigureAwait(false);
                    await handoff.EndStreamsAsync(signals.Token).ConfigureAwait(false);
                    return 0;
                }

                continue;
            }

            await handoff.ReadyAsync(signals.Token).ConfigureAwait(false);
            if (members.Records.GetValueOrDefault(nodeName) is { Removed: true } record)
            {
                LogRemoved(log, nodeName, record.By ?? "somebody");
                await LeaveAsync(parts, record.StopServer, log).ConfigureAwait(false);
            }
            else
            {
                LogNoMember(log, nodeName, string.Join(", ", membership.Config.Nodes.Select(n => n.Name)));
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(signals.Token, attempt.Asked);
            await MemberWatch.WaitForChangeAsync(store, membership, loaded.Config.Agent.ProbeInterval, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (attempt.Asked.IsCancellationRequested && await handoff.GiveAsync(attempt, parts.Poolers, parts.Memory, signals.Token).ConfigureAwait(false))
            {
                return 0;
            }
        }

        return 0;
    }

    private static async Task LeaveAsync(NodeParts parts, bool stopServer, ILogger log)
    {
        try
        {
            await parts.LeaveAsync(stopServer).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            LogNotStopped(log, e.Message);
        }
    }

    /// <summary>Works until the cluster's nodes have changed, a successor asks for the work, or the token ends it. True when a successor has it.</summary>
    private static async Task<bool> RunAsync(
        string? file, NodeConfig self, ClusterMembership membership, EtcdStore store, NodeParts parts, DaemonHandoff handoff, HandoffAttempt attempt, TimeProvider time, ILoggerFactory logs,
        CancellationToken cancellationToken)
    {
        var config = membership.Config;
        var server = DaemonServer.Create(self.Agent, self.Http, config.Tls, handoff, time);
        await using (server.ConfigureAwait(false))
        {
            var pgcmListener = new PgcmListener(self, handoff, time);
            await using var __ = pgcmListener.ConfigureAwait(false);
            await handoff.ReadyAsync(cancellationToken).ConfigureAwait(false);
            handoff.Orders.DrainAsync = server.UntilUnusedAsync;
            if (handoff.TakeInherited() is { } inherited)
            {
                parts.GoOnFrom(inherited);
            }

            var app = server.App;
            using var peers = new GrpcClusterPeers(config, time);
            var consensus = new HealthWatch(config, store, time, logs.CreateLogger<HealthWatch>());
            var node = new NodeSupervisor(
                self, membership, parts.Server, store, peers, consensus, parts.Guard, time, logs.CreateLogger<NodeSupervisor>(), ProductVersion.Text, Environment.MachineName, RoleHookProgram.Of(config.Roles, time), parts.Memory);
            await using var _ = node.ConfigureAwait(false);
            handoff.UntilAtRest = async token =>
            {
                await node.UntilAtRestAsync(token).ConfigureAwait(false);
                await server.UntilAtRestAsync(token).ConfigureAwait(false);
            };
            var health = new HealthMonitor(self.Name, config, store, peers, time, logs.CreateLogger<HealthMonitor>());

            var map = server.MapGrpc().MapDaemonKeeper(handoff).MapNodeAgent(node.Commands).MapPoolerKeeper(parts.Poolers);
            var pgcm = new PgcmFailoverService(parts.Poolers, new FailoverMigration(config, store, new FailoverFlow(store, peers, config, time)), time);
            pgcm.Map(map);
            new NodeEndpoints(node, parts.Poolers, health, new HealthGauges(health, consensus, config), config.Name, self.Name, file).Map(app);

            var handover = new StopHandover(self.Name, config, store, peers, time, logs.CreateLogger<StopHandover>());
            using var stop = new CancellationTokenSource();
            Task[] work =
            [
                node.RunAsync(stop.Token),
                health.RunAsync(stop.Token),
                consensus.RunAsync(stop.Token),
                handover.EndAsync(stop.Token),
                pgcmListener.RunAsync(pgcm, stop.Token, attempt.Asked),
                .. parts.Poolers.Select(p => KeptPoolers.ServeAsync(p, config, store, time, logs, stop.Token)),
            ];
            var changed = membership.Changed.ContinueWith(_ => stop.CancelAsync(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            var ending = StopWhenAskedAsync(handover, stop, cancellationToken);
            try
            {
                await server.RunUntilAsync(work, stop.Token, attempt.Asked).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll([ending, .. work]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (membership.Changed.IsCompleted)
                {
                    await changed.ConfigureAwait(false);
                }

                parts.Memory = node.Memory;
            }

            if (!attempt.Asked.IsCancellationRequested)
            {
                return false;
            }

            // A leader renews its lease until its next agent does: that one may need seconds for its first look.
            node.AwaitRelief();
            if (!await handoff.GiveAsync(attempt, parts.Poolers, parts.Memory, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            await node.UntilRelievedAsync().ConfigureAwait(false);
            return true;
        }
    }

    /// <summary>Ends the work when the process is asked to: after its handover, which needs the agent at work.</summary>
    private static async Task StopWhenAskedAsync(StopHandover handover, CancellationTokenSource stop, CancellationToken asked)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(asked, stop.Token);
        await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stop.IsCancellationRequested)
        {
            try
            {
                await handover.RunAsync(stop.Token).ConfigureAwait(false);
            }
            finally
            {
                // Whatever becomes of it: who is asked to stop stops.
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>What stands in the store. One that does not answer keeps nobody from serving: the agent sees to it that nothing is done by what it could not read.</summary>
    private static async Task<Members> ReadMembersAsync(EtcdStore store, ILogger log, CancellationToken cancellationToken)
    {
        try
        {
            return await Members.ReadAsync(store, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            LogNotRead(log, e.Message);
            return Members.Unread;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Members.Unread;
        }
    }

    [LoggerMessage(5001, LogLevel.Warning, "{Node} was removed from the cluster by {By}: its server is left alone until it is added again")]
    private static partial void LogRemoved(ILogger logger, string node, string by);

    [LoggerMessage(5002, LogLevel.Warning, "No node is named {Node}, there are {Nodes}: waiting until it is added (Add-PgClusterNode)")]
    private static partial void LogNoMember(ILogger logger, string node, string nodes);

    [LoggerMessage(5004, LogLevel.Error, "The server could not be stopped: {Error}")]
    private static partial void LogNotStopped(ILogger logger, string error);

    [LoggerMessage(5003, LogLevel.Warning, "The cluster's nodes are those of the file until etcd answers: {Error}")]
    private static partial void LogNotRead(ILogger logger, string error);
}
