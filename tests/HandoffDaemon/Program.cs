// A daemon that hands over, for the tests of PgCluster.Handoff. It does what the lines on its standard input say, and says on standard output what
// happens; the end of its input ends it, so that it does not outlive the test.
using PgCluster.Handoff;
using PgCluster.Tests.HandoffDaemon;

var options = DaemonOptions.Parse(args);
using var logger = new StepLogger(options.Hold);
using var input = new CommandReader();
await using var daemon = new Daemon(options, logger);
input.Begin(logger, daemon);
try
{
    return await daemon.RunAsync(input.Ended);
}
catch (HandoffException e)
{
    Lines.Say($"failed {e.Error} {e.Message}");
    return 3;
}
catch (OperationCanceledException)
{
    Lines.Say("cancelled");
    return 4;
}
