using System.CommandLine;
using PgCluster;
using PgCluster.Agent.Commands;

var root = new RootCommand("High availability for PostgreSQL that can be scripted.")
{
    SuperviseCommand.Create(),
    ProxyCommand.Create(),
    NodesCommand.Create(),
    PoolersCommand.Create(),
    WatchCommand.Create(),
    FailoverCommand.Create(),
    SwitchoverCommand.Create(),
    HistoryCommand.Create(),
    ConfigCommand.Create(),
    PlaygroundCommand.Create(),
};
ConfigurationOptions.AddTo(root);

var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false };
try
{
    return await root.Parse(args).InvokeAsync(configuration).ConfigureAwait(false);
}
catch (PgClusterException e)
{
    Console.Error.WriteLine($"pgcluster: {e.Reason}: {e.Message}");
    return ExitCodes.Of(e.Reason);
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("pgcluster: cancelled");
    return ExitCodes.Cancelled;
}
