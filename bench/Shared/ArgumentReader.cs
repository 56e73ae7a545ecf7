using System.Globalization;

namespace PgCluster.Bench;

/// <summary>A command line of names and values, read one after the other.</summary>
internal sealed class ArgumentReader(string[] arguments)
{
    private readonly Queue<string> _left = new(arguments);
    private string _name = "";

    /// <summary>The next name; false at the end.</summary>
    public bool TryNext(out string name)
    {
        var more = _left.TryDequeue(out var next);
        name = _name = next ?? "";
        return more;
    }

    /// <summary>The value of the name that was read last.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public string Value() => _left.TryDequeue(out var value) ? value : throw new FormatException($"{_name} needs a value");

    /// <summary>Its value as a number.</summary>
    /// <exception cref="FormatException">It is none, or too small.</exception>
    public double Number(double least) =>
        double.TryParse(Value(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new FormatException($"{_name} needs a number of at least {least}");
}
