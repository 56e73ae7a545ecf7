using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgPooler</c>: the poolers; one that does not answer is a row with a state.</summary>
[Cmdlet(VerbsCommon.Get, "PgPooler")]
[OutputType(typeof(PoolerInfo))]
public sealed class GetPgPoolerCommand : PoolerCmdlet
{
    /// <summary>Names of poolers, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Pooler")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolerCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Asking the keepers of the poolers of cluster '{Session.Cluster}'.");
        foreach (var pooler in await FindAsync(NamesBelow(Name), pipeline, cancellationToken))
        {
            await pipeline.WriteAsync(pooler);
        }
    }
}
