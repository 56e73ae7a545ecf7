using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Stop-PgDaemon</c>: ends daemons in an orderly way.</summary>
[Cmdlet(VerbsLifecycle.Stop, "PgDaemon", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class StopPgDaemonCommand : DaemonCmdlet
{
    /// <summary>Names of daemons, wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Daemon")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DaemonCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Accept nobody any more, and let the requests and streams that are open come to their end first.</summary>
    [Parameter]
    public SwitchParameter Drain { get; set; }

    /// <summary>Seconds for which they may go on.</summary>
    [Parameter]
    [ValidateRange(1, 86400)]
    public int DrainTimeoutSec { get; set; } = 30;

    /// <summary>Seconds a daemon may take to end after that.</summary>
    [Parameter]
    [ValidateRange(1, 3600)]
    public int TimeoutSec { get; set; } = 120;

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var daemon in (await FindAsync(Name, pipeline, cancellationToken)).Where(d => d.State == DaemonState.Running))
        {
            var change = string.Create(CultureInfo.InvariantCulture, $"Stop daemon '{daemon.Name}' of cluster '{daemon.Cluster}' (pid {daemon.Pid} on {daemon.Machine}, {daemon.Connections} connections)");
            if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Stop-PgDaemon")).Yes)
            {
                continue;
            }

            TimeSpan? drain = Drain ? TimeSpan.FromSeconds(DrainTimeoutSec) : null;
            using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            budget.CancelAfter((drain ?? TimeSpan.Zero) + TimeSpan.FromSeconds(TimeoutSec));
            try
            {
                await Cluster.StopDaemonAsync(daemon, drain, budget.Token);
            }
            catch (PgClusterException e)
            {
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(e, daemon.Name));
            }
            catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
            {
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(
                    PgCluster.Reason.StepTimeout, $"Daemon '{daemon.Name}' was told to end, and had not {TimeoutSec} s later.", e) { Target = daemon.Name }));
            }
        }
    }
}
