namespace PgCluster.Build;

/// <summary>A task cannot go on; the message says why, and is all a person needs.</summary>
sealed class BuildException(string message) : Exception(message);
