using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgDaemon</c>: the processes of supervise, proxy and observe on every machine that answers.</summary>
[Cmdlet(VerbsCommon.Get, "PgDaemon")]
[OutputType(typeof(ClusterDaemon))]
public sealed class GetPgDaemonCommand : DaemonCmdlet
{
    /// <summary>Names of daemons, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Daemon")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DaemonCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Asking the agents and proxies of cluster '{Session.Cluster}'.");
        foreach (var daemon in await FindAsync(NamesBelow(Name), pipeline, cancellationToken))
        {
            await pipeline.WriteAsync(daemon);
        }
    }
}
