"""Geography, graphs, chemistry, quantum computing and optimisation."""

from . import case


@case("shapely", quick=True)
def shapely():
    import shapely

    a, b = shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)
    assert a.intersection(b).area == 1 and a.union(b).area == 7
    assert shapely.from_wkt("LINESTRING (0 0, 3 4)").length == 5


@case("pyproj")
def pyproj():
    import pyproj

    assert pyproj.CRS("EPSG:25832").is_projected
    x, y = pyproj.Transformer.from_crs(4326, 25832, always_xy=True).transform(9, 0)
    assert abs(x - 500_000) < 1e-3 and abs(y) < 1e-3


@case("rasterio")
def rasterio():
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile

    with MemoryFile() as file:
        with file.open(driver="GTiff", width=8, height=4, count=1, dtype="uint8", crs="EPSG:4326") as picture:
            picture.write(np.full((4, 8), 7, np.uint8), 1)
        with file.open() as picture:
            assert picture.read(1).sum() == 7 * 32 and picture.crs == rasterio.CRS.from_epsg(4326)


@case("fiona")
def fiona():
    from fiona.io import MemoryFile

    feature = {"geometry": {"type": "Point", "coordinates": (1.0, 2.0)}, "properties": {"name": "x"}}
    schema = {"geometry": "Point", "properties": {"name": "str"}}
    with MemoryFile(ext=".geojson") as file:
        with file.open(driver="GeoJSON", schema=schema, crs="EPSG:4326") as collection:
            collection.write(feature)
        with file.open() as collection:
            assert next(iter(collection))["properties"]["name"] == "x"


@case("pyogrio")
def pyogrio():
    import pyogrio

    assert "GPKG" in pyogrio.list_drivers(write=True)
    text = b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"n": 3}, "geometry": null}]}'
    assert pyogrio.read_info(text)["fields"].tolist() == ["n"]


@case("rtree")
def rtree():
    from rtree import index

    tree = index.Index((n, (n, n, n + 1.5, n + 1.5), None) for n in range(10))
    assert sorted(tree.intersection((2, 2, 2.2, 2.2))) == [1, 2]


@case("h3")
def h3():
    import h3

    cell = h3.latlng_to_cell(59.9, 10.7, 7)
    assert h3.get_resolution(cell) == 7 and len(h3.grid_disk(cell, 1)) == 7


@case("osmium")
def osmium():
    import osmium

    class Counter(osmium.SimpleHandler):
        nodes = 0

        def node(self, node):
            self.nodes += 1

    counter = Counter()
    counter.apply_buffer(b'<osm version="0.6"><node id="1" lat="1" lon="2" version="1"/></osm>', "osm")
    assert counter.nodes == 1


@case("igraph")
def igraph():
    import igraph

    graph = igraph.Graph.Ring(12)
    assert graph.diameter() == 6 and graph.maxflow(0, 6).value == 2


@case("rdkit")
def rdkit():
    from rdkit import Chem
    from rdkit.Chem import AllChem, Descriptors

    molecule = Chem.AddHs(Chem.MolFromSmiles("c1ccccc1O"))
    assert AllChem.EmbedMolecule(molecule, randomSeed=7) == 0
    assert abs(Descriptors.MolWt(molecule) - 94.11) < 0.02


@case("qiskit")
def qiskit():
    from qiskit import QuantumCircuit, transpile
    from qiskit.quantum_info import Statevector

    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    probabilities = Statevector(transpile(circuit, basis_gates=["u", "cx"])).probabilities_dict()
    assert set(probabilities) == {"00", "11"}


@case("cvxpy")
def cvxpy():
    import cvxpy

    x = cvxpy.Variable(2)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x - [1, 3])), [cvxpy.sum(x) == 2])
    problem.solve()
    assert abs(x.value - [0, 2]).max() < 1e-3


@case("osqp")
def osqp():
    import numpy as np
    import osqp
    from scipy import sparse

    solver = osqp.OSQP()
    one = sparse.csc_matrix([[1.0]])
    solver.setup(one, np.array([-1.0]), one, np.array([0.0]), np.array([0.5]), verbose=False)
    assert abs(solver.solve().x[0] - 0.5) < 1e-2


@case("scs")
def scs():
    import numpy as np
    import scs
    from scipy import sparse

    data = {"A": sparse.csc_matrix([[-1.0]]), "b": np.array([-2.0]), "c": np.array([1.0])}
    assert abs(scs.SCS(data, {"l": 1}, verbose=False).solve()["x"][0] - 2) < 1e-2


@case("ortools")
def ortools():
    from ortools.linear_solver import pywraplp
    from ortools.sat.python import cp_model

    model, solver = cp_model.CpModel(), cp_model.CpSolver()
    x, y = model.NewIntVar(0, 9, "x"), model.NewIntVar(0, 9, "y")
    model.Add(2 * x + y <= 11)
    model.Maximize(x + y)
    solver.parameters.num_workers = 2
    assert solver.Solve(model) == cp_model.OPTIMAL and solver.ObjectiveValue() == 10
    assert pywraplp.Solver.CreateSolver("GLOP").NumVar(0, 1, "z").ub() == 1


@case("highspy", "numpy")
def highspy():
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    x = solver.addVariable(lb=0, ub=6)
    solver.maximize(2 * x)
    assert abs(solver.getObjectiveValue() - 12) < 1e-6


@case("z3-solver")
def z3():
    import z3

    x, y = z3.Ints("x y")
    solver = z3.Solver()
    solver.add(x > 0, y > 0, x * x + y * y == 25, x < y)
    assert solver.check() == z3.sat and solver.model()[x].as_long() == 3
