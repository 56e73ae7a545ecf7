using System.Runtime.InteropServices;
using PgCluster.Build;

// pgcluster-build <build|pack|test|demo> [--json] [--pwsh PROGRAM]
var json = args.Contains("--json");
var pwsh = args.SkipWhile(a => a != "--pwsh").Skip(1).FirstOrDefault();
var task = args.FirstOrDefault() ?? "";

// With --json standard output belongs to the object; everything for people goes to standard error.
var log = json ? Console.Error : Console.Out;

using var cancelled = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
void Cancel(PosixSignalContext context)
{
    // The first signal asks for an orderly end: a demo takes its cluster away before it goes.
    context.Cancel = !cancelled.IsCancellationRequested;
    cancelled.Cancel();
}

try
{
    var repository = Repository.Find();
    switch (task)
    {
        case "build":
            await BuildAsync(repository);
            return 0;
        case "pack":
            await BuildAsync(repository);
            await new Packer(repository, log).PackAsync(cancelled.Token);
            return 0;
        case "test":
            try
            {
                await BuildAsync(repository);
                return await new Suites(repository, pwsh, log).RunAsync(cancelled.Token) ? 0 : 1;
            }
            catch (BuildException e)
            {
                Suites.ReportBroken(log, e.Message);
                return 1;
            }

        case "demo":
            await BuildAsync(repository);
            return await new Demo(repository, pwsh, json, log).RunAsync(cancelled.Token);
        default:
            await Console.Error.WriteLineAsync("usage: pgcluster-build build | pack | test | demo [--json] [--pwsh PROGRAM]");
            return 2;
    }
}
catch (BuildException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return cancelled.IsCancellationRequested ? 130 : 1;
}
catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("cancelled");
    return 130;
}

async Task BuildAsync(Repository repository) => await Tool.DotnetAsync(
    ["build", repository.Solution, "-c", Repository.Configuration], log, cancelled.Token);
