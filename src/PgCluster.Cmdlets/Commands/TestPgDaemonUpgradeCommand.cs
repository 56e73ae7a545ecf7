using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Test-PgDaemonUpgrade</c>: starts each daemon's program to see whether it could take over. The daemons go on.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PgDaemonUpgrade")]
[OutputType(typeof(DaemonRehearsal))]
public sealed class TestPgDaemonUpgradeCommand : DaemonCmdlet
{
    /// <summary>Names of daemons, wildcards allowed; all that are at work when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Daemon")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DaemonCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var daemon in (await FindAsync(NamesBelow(Name), pipeline, cancellationToken)).Where(d => d.State == DaemonState.Running))
        {
            pipeline.Verbose($"Pid {daemon.Pid} on {daemon.Machine}, {daemon.Name}, starts {daemon.Program}.");
            await pipeline.WriteAsync(await Cluster.RehearseDaemonAsync(daemon, cancellationToken));
        }
    }
}
