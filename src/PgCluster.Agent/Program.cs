using System.CommandLine;
using PgCluster;
using PgCluster.Agent.Commands;

// Nothing but the loop: it has to be there quickly, and stay small.
if (args is [GuardCommand.Name, var dataDirectory])
{
    return await GuardCommand.RunAsync(dataDirectory).ConfigureAwait(false);
}

var root = new RootCommand("High availability for PostgreSQL that can be scripted.")
{
    SuperviseCommand.Create(),
    ProxyCommand.Create(),
    ObserveCommand.Create(),
    NodesCommand.Create(),
    NodeCommand.Create(),
    InitializeCommand.Create(),
    HealthCommand.Create(),
    QuorumCommand.Create(),
    DurabilityCommand.Create(),
    PoolersCommand.Create(),
    DaemonsCommand.Create(),
    WatchCommand.Create(),
    CheckCommand.Create(),
    FailoverCommand.Create(),
    ElectionCommand.Create(),
    RolesCommand.Create(),
    RepairCommand.Create(),
    RestartCommand.Create(),
    SuspendCommand.Create(),
    SuspendCommand.CreateResume(),
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
