using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Agent.Grpc;
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
    public static async Task<int> RunAsync(LoadedConfig loaded, string nodeName, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var log = logs.CreateLogger(typeof(SuperviseHost));
        var store = new EtcdStore(StoreOptions.From(loaded.Config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);
        var parts = new NodeParts(time, logs);
        await using var __ = parts.ConfigureAwait(false);
        while (!signals.Token.IsCancellationRequested)
        {
            var members = await ReadMembersAsync(store, log, signals.Token).ConfigureAwait(false);
            var membership = new ClusterMembership(loaded.Config, members);
            if (membership.Config.Nodes.FirstOrDefault(n => n.Name == nodeName) is { } self)
            {
                await parts.UseAsync(membership.Config, self).ConfigureAwait(false);
                await RunAsync(loaded.File, self, membership, store, parts, time, logs, signals.Token).ConfigureAwait(false);
                continue;
            }

            if (members.Records.GetValueOrDefault(nodeName) is { Removed: true } record)
            {
                LogRemoved(log, nodeName, record.By ?? "somebody");
                await LeaveAsync(parts, record.StopServer, log).ConfigureAwait(false);
            }
            else
            {
                LogNoMember(log, nodeName, string.Join(", ", membership.Config.Nodes.Select(n => n.Name)));
            }

            await MemberWatch.WaitForChangeAsync(store, membership, loaded.Config.Agent.ProbeInterval, time, signals.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    /// <summary>Works until the cluster's nodes have changed, or the token ends it.</summary>
    private static async Task RunAsync(
        string? file, NodeConfig self, ClusterMembership membership, EtcdStore store, NodeParts parts, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var config = membership.Config;
        var app = Daemon.CreateBuilder(self.Agent, self.Http, config.Tls).Build();
        await using (app.ConfigureAwait(false))
        {
            using var peers = new GrpcClusterPeers(config, time);
            var consensus = new HealthWatch(config, store, time, logs.CreateLogger<HealthWatch>());
            var node = new NodeSupervisor(
                self, membership, parts.Server, store, peers, consensus, parts.Guard, time, logs.CreateLogger<NodeSupervisor>(), ProductVersion.Text, Environment.MachineName, RoleHookProgram.Of(config.Roles, time), parts.Before);
            await using var _ = node.ConfigureAwait(false);
            var health = new HealthMonitor(self.Name, config, store, peers, time, logs.CreateLogger<HealthMonitor>());

            var map = app.MapGrpc(new GrpcServerOptions { TimeProvider = time }).MapNodeAgent(node.Commands).MapPoolerKeeper(parts.Poolers);
            new PgcmFailoverService(config, parts.Poolers, store, new FailoverFlow(store, peers, config, time), time).Map(map);
            new NodeEndpoints(node, parts.Poolers, health, new HealthGauges(health, consensus, config), config.Name, self.Name, file).Map(app);

            var handover = new StopHandover(self.Name, config, store, peers, time, logs.CreateLogger<StopHandover>());
            using var stop = new CancellationTokenSource();
            Task[] work =
            [
                node.RunAsync(stop.Token),
                health.RunAsync(stop.Token),
                consensus.RunAsync(stop.Token),
                handover.EndAsync(stop.Token),
                .. parts.Poolers.Select(p => KeptPoolers.ServeAsync(p, config, store, time, logs, stop.Token)),
            ];
            var changed = membership.Changed.ContinueWith(_ => stop.CancelAsync(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            var asked = StopWhenAskedAsync(handover, stop, cancellationToken);
            try
            {
                await Daemon.RunUntilAsync(app, work, stop.Token).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll([asked, .. work]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (membership.Changed.IsCompleted)
                {
                    await changed.ConfigureAwait(false);
                }

                parts.Before = node;
            }
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
