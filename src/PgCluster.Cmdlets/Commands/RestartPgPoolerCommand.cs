using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Restart-PgPooler</c>: has new processes take the connections of poolers over, one pooler after the other.</summary>
[Cmdlet(VerbsLifecycle.Restart, "PgPooler", SupportsShouldProcess = true)]
[OutputType(typeof(PoolerRestart))]
public sealed class RestartPgPoolerCommand : PoolerCmdlet
{
    // Poolers come one by one through the pipeline: after one that failed those behind it are left as they are.
    private bool _failed;

    /// <summary>Names of poolers, wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Pooler")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolerCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>Also where clients cannot be handed over, those under TLS, and are dropped.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var pooler in await FindAsync(Name, pipeline, cancellationToken))
        {
            if (_failed)
            {
                pipeline.Warning($"Pooler '{pooler.Name}' is left as it is, because one before it could not be restarted.");
                continue;
            }

            try
            {
                await RestartAsync(pooler, pipeline, cancellationToken);
            }
            catch (PgClusterException e)
            {
                _failed = true;
                await pipeline.WriteErrorAsync(ErrorTable.ToRecord(e, pooler.Name));
            }
        }
    }

    private async Task RestartAsync(PoolerInfo pooler, CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var plan = await Cluster.PlanPoolerRestartAsync(pooler, Force, cancellationToken);
        var lost = (plan.Dropped, plan.LosePrepared) switch
        {
            (0, 0) => "",
            (var dropped, 0) => string.Create(CultureInfo.InvariantCulture, $", {dropped} of them under TLS, which are dropped"),
            (var dropped, var prepared) => string.Create(CultureInfo.InvariantCulture, $", {dropped} of them under TLS, which are dropped, and {prepared} with prepared statements, which are lost"),
        };
        var change = string.Create(
            CultureInfo.InvariantCulture,
            $"Restart PgBouncer of pooler '{pooler.Name}' of cluster '{pooler.Cluster}' (process {plan.OldPid}, {plan.OldVersion}, {plan.Program}) under its {plan.Clients} clients{lost}");
        if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Restart-PgPooler")).Yes)
        {
            return;
        }

        if (lost.Length > 0)
        {
            pipeline.Warning($"Pooler '{pooler.Name}': of {plan.Clients} clients{lost}.");
        }

        await pipeline.WriteAsync(await Cluster.RestartPoolerAsync(pooler, Force, cancellationToken));
    }
}
