namespace PgCluster.Engine.Pooling;

/// <summary>The process of a PgBouncer, as the host it runs on shows it.</summary>
/// <param name="Pid">Its id.</param>
/// <param name="Program">The file it was started from; empty when that is not known.</param>
/// <param name="Arguments">What it was started with, without the program.</param>
/// <param name="UserId">The user it runs under.</param>
/// <param name="Unit">The systemd service it runs in; empty for none.</param>
/// <param name="OpenFiles">How many files it may have open; of the keeper, what it starts.</param>
/// <param name="ErrorFile">The file its standard error goes to, /dev/null included; empty when that is a terminal or a pipe.</param>
public sealed record PoolerProcess(int Pid, string Program, IReadOnlyList<string> Arguments, uint UserId, string Unit, long OpenFiles, string ErrorFile);
